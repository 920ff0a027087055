"""Pretrained networks: found on this disk, built in plain Keras, with their weights."""
