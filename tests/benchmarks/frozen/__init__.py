"""The contestants of `frozen_features.py`: a fine-tuning sweep as users of each library write it."""
