"""The address of a Prometheus server, from the command line. Pure."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class ServerAddress:
    """Where a server answers.

    Attributes:
        host: its name or address, without brackets.
        port: its port.
        tls: True for https.
        path: what precedes `/api/v1` in its paths; empty or beginning with `/`.
        user: name for basic authentication; empty for none.
        password: goes with it; never shown.
    """

    host: str
    port: int
    tls: bool = False
    path: str = ""
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """The server as people name it: `prometheus:9090`, `[::1]:9090/path`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}{self.path}"

    @property
    def authorization(self) -> str:
        """The value of the Authorization header; empty for none."""
        if not self.user:
            return ""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def is_url(target: str) -> bool:
    """True if a target of a fleet is a Prometheus server."""
    return target.lower().startswith(("http://", "https://"))


def parse_url(text: str, password: str | None = None) -> ServerAddress:
    """Return the address of a server.

    Args:
        text: an URL such as `http://prometheus:9090` or `https://user@example.org/prometheus`.
        password: the password, if it does not stand in the URL.

    Raises:
        ValueError: it is no such URL; the message does not repeat a password.
    """
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("an URL has no spaces, and only ASCII characters")
    url = urlsplit(text)
    try:
        port = url.port
    except ValueError:
        raise ValueError("its port is not a number up to 65535") from None
    if not url.hostname or url.query or url.fragment:
        raise ValueError("an URL such as http://prometheus:9090 is needed, without ? and #")
    if password is not None and not url.username:
        raise ValueError("the password needs a user: https://USER@HOST:PORT")
    scheme = url.scheme.lower()
    return ServerAddress(
        url.hostname,
        PORTS[scheme] if port is None else port,
        scheme == "https",
        url.path.rstrip("/"),
        unquote(url.username or ""),
        unquote(url.password or "") if password is None else password,
    )
