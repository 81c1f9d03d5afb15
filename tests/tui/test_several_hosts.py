"""Several hosts on the dashboard: the column, how many are live, and the hosts of a destination."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support import INFO, feed, snapshot, still, text_of

from tcpconntop.core.hosts import BEHIND, GONE, LIVE, HostState
from tcpconntop.core.places import Places
from tcpconntop.core.window.snapshot import PROMETHEUS, STREAM, Snapshot


def of_two_hosts(second: str) -> Snapshot:
    """Return a snapshot in which every other key is of the second host."""
    picture = snapshot()
    keys = picture.window.keys.copy()
    keys["netns"] = (np.arange(len(keys)) % 2 + 1) << 20
    hosts = (HostState("db-07", LIVE), HostState("db-08", second, note="the link broke"))
    return replace(
        picture,
        info=replace(INFO, host="2 hosts", label=STREAM, hosts=hosts),
        window=replace(picture.window, keys=keys),
        places=Places({}, {}, ("db-07", "db-08")),
    )


@pytest.mark.parametrize(("second", "status"), [(LIVE, "● 2 hosts live"), (GONE, "◌ 1 of 2 hosts live")])
async def test_the_header_says_how_many_hosts_are_live(second: str, status: str) -> None:
    async with still().run_test(size=(160, 36)) as pilot:
        await feed(pilot, of_two_hosts(second))
        assert str(pilot.app.screen.header.render()).rstrip().endswith(status)


async def test_the_header_says_how_old_the_figures_of_a_server_are_that_does_not_answer() -> None:
    """GIVEN counts of a Prometheus WHEN all hosts are behind THEN their age is there, and how exact it is."""
    picture = of_two_hosts(LIVE)
    behind = tuple(HostState(name, BEHIND, behind_s=n, note="gone") for n, name in ((12, "a"), (95, "b")))
    info = replace(
        picture.info, host="2 hosts at prometheus:9090", kernel="", probe="", transport="", loader="",
        label=PROMETHEUS, hosts=behind, precision="within a bucket (classic)",
    )  # fmt: skip
    async with still().run_test(size=(160, 36)) as pilot:
        await feed(pilot, replace(picture, info=info))
        header = str(pilot.app.screen.header.render())
        assert header.rstrip().endswith("◌ 2 hosts 12s behind")
        assert "2 hosts at prometheus:9090  percentiles within a bucket (classic)" in header


async def test_enter_on_a_destination_shows_its_hosts() -> None:
    """GIVEN several hosts WHEN enter is pressed on a row THEN its hosts are shown, and on theirs, nothing."""
    async with still().run_test(size=(160, 36)) as pilot:
        await feed(pilot, of_two_hosts(LIVE))
        screen = pilot.app.screen
        assert screen.view.spec.group_by == "dest"
        await pilot.press("down", "enter")
        assert screen.view.spec.group_by == "host+dest"
        assert "dest:" in screen.view.spec.where.text
        assert len(screen.view) >= 1
        await pilot.press("down", "enter")
        assert [notice.message[:16] for notice in pilot.app._notifications] == ["of several hosts"]
        assert screen is pilot.app.screen


async def test_a_destination_is_expanded_to_its_hosts_and_a_host_to_its_destinations() -> None:
    async with still().run_test(size=(160, 36)) as pilot:
        await feed(pilot, of_two_hosts(LIVE))
        screen = pilot.app.screen
        shared = next(row for row in range(len(screen.view)) if screen.view.host_count(row) == 2)
        await pilot.press("home", *["down"] * shared, "o")
        below = text_of(screen.table)[shared + 2 : shared + 4]
        assert sorted(line.split()[1] for line in below) == ["db-07", "db-08"]
        await pilot.press("escape", "slash", *"host:db-07", "enter", "g")
        assert screen.spec.group_by == "host"
        await pilot.press("o")
        assert ":" in text_of(screen.table)[2].split()[1]


async def test_the_help_lists_the_hosts() -> None:
    async with still().run_test(size=(160, 60)) as pilot:
        await feed(pilot, of_two_hosts(GONE))
        await pilot.press("question_mark")
        text = "\n".join(text_of(pilot.app.screen.query_one("HelpText")))
        assert "db-08 gone, attempts 0, lost 0, the link broke" in text


async def test_one_host_is_not_offered_groups_by_host() -> None:
    async with still().run_test(size=(160, 36)) as pilot:
        await feed(pilot, snapshot())
        seen = set()
        for _ in range(12):
            await pilot.press("g")
            seen.add(pilot.app.screen.spec.group_by)
        assert seen == {"dest", "process", "process+dest", "port", "subnet", "unit", "netns", "netns+dest"}


async def test_by_host_is_one_key_away_and_the_header_says_which_grouping_is_next() -> None:
    async with still().run_test(size=(160, 36)) as pilot:
        await feed(pilot, of_two_hosts(LIVE))
        screen = pilot.app.screen
        assert "  g: by host  " in str(screen.header.render())
        await pilot.press("g")
        assert screen.spec.group_by == "host"
        assert str(screen.health.render()).strip().startswith("◐ in 1m: 10.9.1.7:9100 refuses every connect ")
        await pilot.press("g")
        assert screen.spec.group_by == "host+dest"
        assert "  g: by process  " in str(screen.header.render())
        assert " pairs of host and destination " in str(screen.health.render())
        await pilot.press("G", "G")
        assert screen.spec.group_by == "dest"
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert "g: by" not in str(screen.header.render())
