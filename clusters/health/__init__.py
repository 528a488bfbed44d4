"""What a cluster is like and what is wrong with it, asked of every node."""
