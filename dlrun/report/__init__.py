"""Pure functions from values to what people and programs read."""
