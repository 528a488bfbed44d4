"""Frozen features: the output of a backbone's frozen layers, computed once and shared by all trials."""
