"""Parts that several architectures are built from."""
