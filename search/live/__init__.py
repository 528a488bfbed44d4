"""What is shown while trials train."""
