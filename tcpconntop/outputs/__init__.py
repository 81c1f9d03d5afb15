"""Everything that shows data without a screen of its own."""
