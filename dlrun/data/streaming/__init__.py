"""Rows larger than memory: scanned once, split by a hash, read again in every epoch."""
