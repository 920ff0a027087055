"""Engines: where the jobs of a study run."""
