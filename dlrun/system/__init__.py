"""The machine: cost, environment, signals, files, text."""
