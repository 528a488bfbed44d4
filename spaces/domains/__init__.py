"""Values left open: domains, the tree that holds them, closing it to a trial configuration."""
