"""What a selection of connects shows: series, failures, findings."""
