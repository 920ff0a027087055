"""The runner: a recipe in, tracked runs and a verdict out."""
