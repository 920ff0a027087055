"""Charts: functions from values to SVG, whose colours and fonts are in charts.css."""
