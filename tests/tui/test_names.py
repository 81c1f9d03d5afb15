"""Names beside numbers."""

from __future__ import annotations

import pytest
from support import feed, flow, never, snapshot, text_of, until

from tcpconntop.tui.app import Dashboard

FLOWS = [flow("a", 1, "10.0.0.1", 443), flow("b", 2, "10.0.0.2", 49_999)]


def named(address):
    if address == "10.0.0.1":
        return "api.internal"
    raise OSError


@pytest.mark.parametrize(("width", "ports"), [(160, True), (80, False)])
async def test_names_come_beside_addresses_and_ports_and_go_again(width, ports):
    """GIVEN a table WHEN n is pressed THEN names come where there are any, and go again."""
    app = Dashboard(never, ask=named)
    async with app.run_test(size=(width, 30)) as pilot:
        await feed(pilot, snapshot(5, FLOWS))
        before = text_of(app.screen.table)
        assert "api" not in "".join(before)
        await pilot.press("n")
        await until(pilot, lambda: "10.0.0.1 api." in "".join(text_of(app.screen.table)))
        lines = {line.strip(" ▌").split()[0]: line for line in text_of(app.screen.table)[1:3]}
        assert ("  443 https " in lines["10.0.0.1"]) is ports
        assert "443" in lines["10.0.0.1"]
        assert lines["10.0.0.2"].split()[1] == "49999"
        await pilot.press("n")
        assert text_of(app.screen.table) == before


async def test_names_are_there_from_the_beginning_where_they_are_wanted():
    """GIVEN --dns WHEN the first rows come THEN their names follow, of rows that are seen."""
    asked = []

    def ask(address):
        asked.append(address)
        return f"host-{address}"

    app = Dashboard(never, dns=True, ask=ask)
    flows = [flow("a", 1, f"10.0.1.{i}") for i in range(1, 200)]
    async with app.run_test(size=(160, 20)) as pilot:
        await feed(pilot, snapshot(2, flows))
        table = app.screen.table
        await until(pilot, lambda: all("host-" in line for line in text_of(table)[1:]))
        assert len(asked) <= table.size.height


async def test_without_being_asked_nobody_looks_anything_up():
    """GIVEN a table WHEN n is not pressed THEN no name is looked up."""
    asked = []
    app = Dashboard(never, ask=asked.append)
    async with app.run_test(size=(120, 30)) as pilot:
        await feed(pilot, snapshot(3, FLOWS))
        await pilot.press("down", "g", "G")
    assert asked == []
