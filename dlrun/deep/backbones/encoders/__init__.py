"""Encoders of text: read from the files of several libraries into one network in plain Keras."""
