"""`doctor`: examine this machine, and name the fix for what is missing."""
