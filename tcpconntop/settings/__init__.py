"""Settings files, the remembered state of the dashboard, and where both are."""
