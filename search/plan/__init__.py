"""What is known about a sweep before it starts: mistakes, where it fits, what it will cost."""
