"""Counts of (row, latency bucket)."""
