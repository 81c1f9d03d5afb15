"""Imports asyncio without TLS, before Textual imports it.

asyncio works without the module `ssl`, as in a Python that was built without it; the dashboard only waits for
keys and timers. What it buys: 4.6 MB, most of them OpenSSL's, and 6 ms at the start.
"""

from __future__ import annotations

import sys


def import_asyncio() -> None:
    """Import asyncio as if there were no `ssl`; nothing if either is imported already."""
    if "asyncio" in sys.modules or "ssl" in sys.modules:
        return
    sys.modules["ssl"] = None  # type: ignore[assignment] # imports of it fail
    try:
        import asyncio  # noqa: F401
    finally:
        del sys.modules["ssl"]
