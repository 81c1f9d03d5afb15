"""`tcpconntop demo`: a small real workload on the loopback, and the source that traces it."""
