"""User space next to the kernel: load the BPF program, read its buffers, drop privileges."""
