"""The values that flow through dlrun, and the protocols under which every candidate is the same."""
