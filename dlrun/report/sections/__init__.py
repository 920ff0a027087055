"""The sections of a report: functions of its context that return None without content."""
