"""The search of settings: what is tried, how it is scored, and when it ends."""
