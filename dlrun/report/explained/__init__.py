"""The explanation of a row for people: words, the terminal, and a page."""
