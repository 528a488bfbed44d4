"""What a run came to: the ranked trials, how sure their order is, the winner as a file."""
