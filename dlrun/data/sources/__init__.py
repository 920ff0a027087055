"""Where data comes from: files, arrays, named data sets and the user's own loaders."""
