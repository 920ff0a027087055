"""Typed columns to numbers that an estimator can learn from, one file for each kind of column."""
