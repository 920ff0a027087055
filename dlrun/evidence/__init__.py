"""What tracked studies prove: statistics, the comparison and the verdict."""
