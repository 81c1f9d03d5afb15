"""The kernel's side of user space: load the program, read its buffers, give up privileges."""
