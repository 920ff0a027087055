"""Pure functions from results to terminal tables, progress, HTML, JSON and figures."""
