"""Parses the head of an HTTP request from a stranger. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

MAX_HEAD_BYTES = 16_384
"""The longest head of a request that is read."""

_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class RequestError(ValueError):
    """The request gets an error instead of a page.

    Attributes:
        status: the status of the answer.
    """

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


@dataclass(frozen=True)
class Request:
    """A request for a page.

    Attributes:
        method: `GET` or `HEAD`.
        path: without query.
        headers: values by lower-case name; those of repeated headers are joined by commas.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)


def is_complete(head: bytes) -> bool:
    """True if the empty line after the headers is there."""
    return b"\r\n\r\n" in head or b"\n\n" in head


def parse_request(data: bytes) -> Request:
    """Return the request in `data`; what comes after its head is ignored.

    Raises:
        RequestError: it is none that this server answers.
    """
    head = data.partition(b"\r\n\r\n" if b"\r\n\r\n" in data else b"\n\n")[0]
    first, *lines = head.decode("latin-1").replace("\r\n", "\n").split("\n")
    words = first.split(" ")
    if len(words) != 3 or not words[0] or not set(words[0]) <= _TOKEN or not words[1].startswith("/"):
        raise RequestError(HTTPStatus.BAD_REQUEST)
    method, target, version = words
    if version not in ("HTTP/1.0", "HTTP/1.1"):
        raise RequestError(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
    if method not in ("GET", "HEAD"):
        raise RequestError(HTTPStatus.METHOD_NOT_ALLOWED)
    return Request(method, target.partition("?")[0], _headers(lines))


def _headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or not set(name) <= _TOKEN:
            raise RequestError(HTTPStatus.BAD_REQUEST)
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def quality_of(header: str, media_type: str, **parameters: str) -> float:
    """Return the weight (0 … 1) that an Accept or Accept-Encoding header gives to a type.

    Args:
        header: the header; an empty one accepts nothing.
        media_type: the type or encoding that is offered, without wildcards.
        parameters: parameters that the header must name with these values.
    """
    for element in header.split(","):
        name, *rest = (part.strip() for part in element.split(";"))
        given = {key.strip().lower(): value.strip(' "') for key, _, value in (p.partition("=") for p in rest)}
        if name.lower() != media_type or any(given.get(key) != value for key, value in parameters.items()):
            continue
        try:
            weight = float(given.get("q", "1"))
        except ValueError:
            return 0.0
        return weight if 0 <= weight <= 1 else 0.0
    return 0.0
