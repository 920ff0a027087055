"""The recipe room: YAML and overrides in, one frozen `Recipe` out."""
