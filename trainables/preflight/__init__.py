"""What is found out before a trial starts: do data and model fit together, what do they build, what will it take."""
