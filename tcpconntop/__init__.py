"""top for TCP connection establishment."""

__version__ = "0.1.0"
