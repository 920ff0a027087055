"""Metrics: predictions to scores, and the same scores on bootstrap samples."""
