"""Tasks of estimators: a module for each, with the functions of `classification`."""
