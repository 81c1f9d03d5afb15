"""The rolling window: slices of time, their sums, and the snapshot that is published."""
