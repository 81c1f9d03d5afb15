"""Where batches of records come from."""
