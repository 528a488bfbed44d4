"""The training loop: compiled models, input batches, training steps, early stopping and checkpoints."""
