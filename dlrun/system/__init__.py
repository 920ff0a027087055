"""The machine: costs, environment, signals, files, words."""
