"""The sections of a report: each takes the report context and returns itself, or nothing."""
