"""A network for small tables that is trained once, on synthetic tables: an experiment."""
