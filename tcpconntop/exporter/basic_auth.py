"""Basic authentication (RFC 7617) with bcrypt hashes, which the system's libcrypt checks."""

from __future__ import annotations

import base64
import binascii
import ctypes
import hashlib
import hmac
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus

from tcpconntop.core.errors import EXIT_UNSUPPORTED, FatalError
from tcpconntop.exporter.requests import Request
from tcpconntop.exporter.responses import Response, error_response

Respond = Callable[[Request], Response]

_CHALLENGE = (("WWW-Authenticate", 'Basic realm="tcpconntop", charset="UTF-8"'),)

_NOBODY = "$2b$10$abcdefghijklmnopqrstuu4T826PRnz0Hu6YlprUuxkZxOOj5Fw5S"
"""Compared with for unknown users, so that the time does not tell which users there are."""


def password_guard(users: Mapping[str, str]) -> Callable[[Respond], Respond]:
    """Return a decorator: what it returns answers 401 unless a request has the password of a user.

    Args:
        users: bcrypt hashes by user; without any, the decorator changes nothing.

    Raises:
        FatalError: libcrypt is missing, or knows no bcrypt.
    """
    if not users:
        return lambda respond: respond
    passwords = _Passwords(users)

    def guard(respond: Respond) -> Respond:
        def answer(request: Request) -> Response:
            if passwords.match(*_credentials(request.headers.get("authorization", ""))):
                return respond(request)
            return replace(error_response(HTTPStatus.UNAUTHORIZED), headers=_CHALLENGE)

        return answer

    return guard


class _Passwords:
    """Checks passwords. A right one is hashed once: bcrypt takes 60 ms of CPU on purpose.

    One thread hashes at a time, so that guesses take one core at most.
    """

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = users
        self._lock = threading.Lock()
        self._right: dict[str, bytes] = {}
        try:
            self._crypt = ctypes.CDLL("libcrypt.so.1").crypt
        except OSError:
            raise FatalError("passwords need libcrypt.so.1: install libcrypt", EXIT_UNSUPPORTED) from None
        self._crypt.restype = ctypes.c_char_p
        if not self._matches(b"x", _NOBODY):
            raise FatalError(
                "this system's libcrypt.so.1 knows no bcrypt: install libxcrypt", EXIT_UNSUPPORTED
            )

    def match(self, user: str, password: bytes) -> bool:
        """True if this is the password of this user."""
        digest = hashlib.sha256(password).digest()
        if hmac.compare_digest(self._right.get(user, b""), digest):
            return True
        right = self._matches(password, self._users.get(user, _NOBODY)) and user in self._users
        if right:
            self._right[user] = digest
        return right

    def _matches(self, password: bytes, hashed: str) -> bool:
        if b"\0" in password:  # C would take what is before it
            return False
        expected = hashed.encode("ascii")
        with self._lock:  # crypt(3) returns a static buffer
            return hmac.compare_digest(self._crypt(password, expected) or b"", expected)


def _credentials(header: str) -> tuple[str, bytes]:
    """Return user and password of an Authorization header; empty ones if it has none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return "", b""
    try:
        user, _, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return user.decode("utf-8"), password
    except (binascii.Error, ValueError):
        return "", b""
