"""The beginning of a sweep: the ready ones, and a first one written for a data set."""
