"""Where a sweep runs: nodes, slots and their health. Knows nothing of studies."""
