"""The sweep at work: trials in processes, until nothing is left to try or somebody says stop. Only here is Ray Tune."""
