"""A run directory: what it holds, how it is written, how it is read again."""
