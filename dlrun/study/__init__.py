"""The runner of studies: from a recipe to tracked runs and a verdict."""
