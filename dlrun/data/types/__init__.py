"""Column types: raw cells recognised, decoded and cast, one module for each type."""
