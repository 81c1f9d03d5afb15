"""What the dashboard looks like, to the cell: each screen is compared with its files in the folder `screens`.

`make goldens` writes the files anew; `git diff` then shows what changed. A few of these screens are pictures
too, in `test_snapshots.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from goldens import SCREENS, capture, check
from stories import CONNECTS, DEMO, FAILING, NO_CONNECTS, PID, QUIET, SIZES
from support import feed, flow, snapshot, still

from tcpconntop.core.view.view import ViewSpec
from tcpconntop.core.window.host import NetnsFacts

SMALL, WIDE, LARGE = SIZES
NO_COLOUR = {"NO_COLOR": "1"}
SIXTEEN_COLOURS = {"COLORTERM": "", "TERM": "xterm"}


@dataclass(frozen=True)
class Screen:
    """How to come to a screen.

    Attributes:
        size: of the terminal, columns and lines.
        keys: to press once the snapshot is shown.
        data: options of the snapshot; None for none at all.
        dashboard: arguments of the dashboard.
        environment: variables that are set.
        theme: to use, where it is not the usual one.
    """

    size: tuple[int, int] = WIDE
    keys: Sequence[str] = ()
    data: Mapping[str, object] | None = field(default_factory=dict)
    dashboard: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    theme: str = ""


def each_size(name: str, **how: object) -> dict[str, Screen]:
    """Return the same screen at every size."""
    return {f"{name}-{size[0]}x{size[1]}": Screen(size, **how) for size in SIZES}


def each_pane(name: str, panes: Mapping[str, Sequence[str]], **how: object) -> dict[str, Screen]:
    """Return the screens with these panes, each by its keys, over the traffic that fails."""
    failing = {"flows": FAILING}
    return {f"{name}-{pane}": Screen(keys=keys, data=failing, **how) for pane, keys in panes.items()}


DARK = {"timeline": ["down", "2"], "heatmap": ["3"], "failures": ["4"]}
LIGHT = {"histogram": ["down", "1"], "timeline": ["2"], "heatmap": ["3"], "failures": ["4"]}
STARTED = [flow("nginx", pid) for pid in (11, 12, 13)]

ALL = {
    **each_size("dashboard", keys=["down"] * 3),
    **each_size("process", data={"flows": CONNECTS}, dashboard={"pid": PID}),
    **each_size("heatmap", keys=["3"], data={"flows": FAILING}),
    **each_size("failures", keys=["4"], data={"flows": FAILING}),
    **each_size("explain", keys=["x"]),
    **each_size(
        "explain-nothing", keys=["x"], data={"flows": QUIET, "host": {0: NetnsFacts((32768, 60999))}}
    ),
    **each_pane("no-colour", DARK, environment=NO_COLOUR),
    **each_pane("light", LIGHT, theme="textual-light"),
    "sixteen-colours": Screen(keys=["3"], data={"flows": FAILING}, environment=SIXTEEN_COLOURS),
    "timeline": Screen(keys=["2"]),
    "explain-before-the-first-connect": Screen(SMALL, ["x"], {"flows": NO_CONNECTS}),
    "not-live-with-notes-and-losses": Screen(data={"info": DEMO, "lost": 17, "completeness": None}),
    "help": Screen(keys=["question_mark"], data={"info": DEMO}),
    "starting": Screen(SMALL, data=None),
    "nothing-yet": Screen(SMALL, data={"flows": NO_CONNECTS}),
    "filter-error": Screen(SMALL, ["slash", *"p99>x"]),
    "chooser": Screen(SMALL, ["down", "enter"], {"flows": STARTED}),
    "by-process": Screen(dashboard={"spec": ViewSpec("process")}),
}

# The middle size: what is at 80 × 24 and at the largest is compared always.
LIKE_OTHERS = {name for name in ALL if name.endswith(f"-{SIZES[1][0]}x{SIZES[1][1]}")} - {"dashboard-120x36"}


@pytest.mark.xdist_group("screens")  # one worker: it makes the minute of traffic once
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] * (name in LIKE_OTHERS)) for name in ALL]
)
async def test_screen(name: str, monkeypatch: pytest.MonkeyPatch, update_goldens: bool) -> None:
    screen = ALL[name]
    for variable, value in screen.environment.items():
        monkeypatch.setenv(variable, value)
    app = still(**screen.dashboard)
    async with app.run_test(size=screen.size) as pilot:
        if screen.theme:
            app.theme = screen.theme
        if screen.data is not None:
            await feed(pilot, snapshot(**screen.data))
        await pilot.press(*screen.keys)
        await pilot.pause()
        shown = capture(app)
    check(name, shown, update_goldens)


def test_every_file_is_of_a_screen(update_goldens: bool) -> None:
    """A screen that is taken out or renamed leaves no file behind."""
    for folder in (SCREENS, SCREENS / "styles"):
        left = {file for file in folder.glob("*.txt") if file.stem not in ALL}
        if update_goldens:
            for file in left:
                file.unlink()
        else:
            assert not left
