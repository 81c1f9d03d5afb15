"""Text, its colours and its widths."""
