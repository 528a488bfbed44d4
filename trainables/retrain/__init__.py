"""The winner trained for good: on train + validation, its test scores, a folder that needs nothing else."""
