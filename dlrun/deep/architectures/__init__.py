"""Architectures: from column groups to the tensor under the head, one module for each row."""
