"""The trials and the leaderboard on Weights & Biases: told while the sweep runs, sent later, read back."""
