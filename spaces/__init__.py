"""Sweep files: a training configuration with some values left open, checked before anything starts."""
