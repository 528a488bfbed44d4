"""What is written to the terminal and to the log."""
