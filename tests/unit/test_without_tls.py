"""The dashboard is imported without OpenSSL; what needs it afterwards has it."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
import tcpconntop.tui.app
assert "asyncio" in sys.modules
assert "ssl" not in sys.modules, "OpenSSL is 4.6 MB"
assert not any("libssl" in line for line in open("/proc/self/maps"))
import ssl
import http.client
assert ssl.create_default_context() and http.client.HTTPSConnection
"""


def test_when_the_dashboard_is_imported_then_openssl_is_not_and_can_be_later():
    subprocess.run([sys.executable, "-c", SCRIPT], check=True)
