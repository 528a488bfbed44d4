"""Where a sweep runs: nodes, slots, their health. Knows nothing of studies."""
