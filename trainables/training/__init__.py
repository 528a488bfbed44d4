"""The training loop: a model compiled once, fed, stepped, stopped, saved between epochs."""
