"""Splits: the rows that every candidate trains on, may look at, and is tested on."""
