"""The data: a source becomes typed columns with a truth, and these become splits."""
