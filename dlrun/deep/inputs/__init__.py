"""Typed columns as a network takes them: raw, then encoded, one file per column type."""
