"""TOML from people who may mean harm: bounded, with one parser for all versions of Python."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

MAX_CHARACTERS, MAX_LINE = 1 << 16, 1 << 12
"""Upper bounds of a file and of its lines: Python's parser takes minutes for 100 kB of `a.a.a…`."""


class TomlBoundError(ValueError):
    """The text is longer or deeper than is read; the message quotes nothing of it."""


def toml_parser() -> ModuleType:
    """Return `tomllib`; before Python 3.11 the package `tomli`, the same code under another name."""
    try:
        return import_module("tomllib")
    except ModuleNotFoundError:
        return import_module("tomli")


def parse_toml(text: str) -> dict[str, Any]:
    """Return the document in `text`.

    Raises:
        ValueError: it is not TOML; a `TomlBoundError` if it is too long or too deep.
    """
    if len(text) > MAX_CHARACTERS:
        raise TomlBoundError(f"it is longer than {MAX_CHARACTERS} characters")
    if any(len(line) > MAX_LINE for line in text.splitlines()):
        raise TomlBoundError(f"a line is longer than {MAX_LINE} characters")
    text = text.removeprefix("\ufeff")  # the mark that some editors put at the beginning
    try:
        document: dict[str, Any] = toml_parser().loads(text)
    except RecursionError:
        raise TomlBoundError("it is nested too deeply") from None
    return document
