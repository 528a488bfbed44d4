"""The search: Optuna proposes, Ray Tune runs, ASHA stops, the journal remembers, W&B and the leaderboard show."""
