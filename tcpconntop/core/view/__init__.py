"""The view: a snapshot, filtered, grouped and sorted."""
