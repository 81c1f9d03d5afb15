"""The lines around the table."""
