"""What is known of a sweep before it starts: what is wrong with it, where it fits, what it will take."""
