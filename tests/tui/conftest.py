"""Fixtures of the dashboard's tests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

from tcpconntop.tui.panes import registry


@pytest.fixture(scope="session", autouse=True)
def _styles_are_parsed_once() -> Iterator[None]:
    """Share the rules that Textual parses between apps: a fifth of the time that each takes to start."""
    parse, parsed = Stylesheet._parse_rules, dict[object, list[RuleSet]]()

    def parse_once(sheet: Stylesheet, *source: Any, **options: Any) -> list[RuleSet]:
        key = (source, tuple(options.items()), tuple(sheet._variables.items()))
        if key not in parsed:
            parsed[key] = parse(sheet, *source, **options)
        return parsed[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", parse_once)
        yield


@pytest.fixture(autouse=True)
def _same_terminal_everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Show times of day in UTC, wherever the tests run, and colours, whatever the shell says."""
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("TMUX", raising=False)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def five_panes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the first five panes only, for tests that count panes or measure the line of tabs."""
    monkeypatch.setattr(registry, "PANES", dict(list(registry.PANES.items())[:5]))


@pytest.fixture
def update_goldens(pytestconfig: pytest.Config) -> bool:
    """True if screens are to be written instead of compared: `--snapshot-update`, as for the pictures."""
    return bool(pytestconfig.getoption("update_snapshots"))
