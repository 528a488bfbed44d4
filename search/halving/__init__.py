"""Which trials of a search go on, and which are stopped early."""
