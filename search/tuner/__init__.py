"""Run a sweep: trials in processes, until nothing is left to try or it must stop. The only room with Ray Tune."""
