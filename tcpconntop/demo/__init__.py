"""`tcpconntop demo`: a small workload on the loopback, and the source that traces or replays it."""
