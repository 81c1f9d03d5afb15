"""Sources of records: this machine's kernel, a synthetic scenario, and wrappers around another source.

`base` is the protocol. A recording that is played is a source too: see `tcpconntop.recording.replay`.
"""
