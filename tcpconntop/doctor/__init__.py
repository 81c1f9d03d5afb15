"""`doctor`: what this machine offers, and what mends it."""
