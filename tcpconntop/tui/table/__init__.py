"""The table of the dashboard."""
