"""Starting points for a sweep: the ready-made ones, and a new one written for a data set."""
