"""Pure: records, counts, windows, views, findings. No I/O, no clock, no threads."""
