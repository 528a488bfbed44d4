"""Frozen features: what a backbone's frozen part says of each image, computed once and shared by all trials."""
