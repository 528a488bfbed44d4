"""The trials and the leaderboard on Weights & Biases: while the sweep runs, afterwards, and read back."""
