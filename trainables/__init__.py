"""What a trial trains: data, models, training, evaluation. Knows nothing of searches; only `trial` knows Ray."""
