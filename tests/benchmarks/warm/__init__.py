"""What `warm_trials.py` is made of: the contestants, each a program of its own, and what measures them."""
