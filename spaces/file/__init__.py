"""Files of sweeps and configurations: read, checked, overridden, written."""
