"""Settings files (`config`), what the dashboard remembers between runs (`ui_state`), and their `paths`."""
