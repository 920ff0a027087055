"""Looks inside fitted candidates, from their saved models."""
