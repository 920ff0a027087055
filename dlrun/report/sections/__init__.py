"""The sections of a report: each takes the findings and returns itself, or nothing."""
