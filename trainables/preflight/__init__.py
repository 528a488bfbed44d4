"""Checks before a trial starts: whether data and model are compatible, what they build and what they cost."""
