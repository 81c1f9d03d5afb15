"""The dashboard."""

from tcpconntop.tui.without_tls import import_asyncio

import_asyncio()
