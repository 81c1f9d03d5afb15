"""Pure: records, histograms, windows, views. No I/O, no clock, no threads."""
