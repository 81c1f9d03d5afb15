"""The panes below the table."""
