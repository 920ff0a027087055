"""The catalog: one row for each kind of thing that dlrun knows, which everything else reads."""
