"""The results of a run: the ranked trials, how significant their order is, the winner as a file."""
