"""What is proposed and remembered: the Optuna study of a run, its search space, the rungs of its trials."""
