"""The `tunehound` command: its options and its output."""
