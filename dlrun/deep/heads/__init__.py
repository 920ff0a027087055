"""The end of a network for each task: checks, y as trained on, losses, predictions."""
