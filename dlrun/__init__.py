"""dlrun: deep networks and classic machine learning from one recipe, on the same splits."""

__version__ = "0.1.0"
