"""The values that flow through dlrun, and the protocols of candidates and studies."""
