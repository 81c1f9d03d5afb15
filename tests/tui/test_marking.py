"""`m`: the change since a moment, until `m` again."""

from __future__ import annotations

from support import feed, flow, notes, snapshot, still, text_of, until

QUIET = [flow("curl", 7, "10.0.0.1", rate_hz=10), flow("nginx", 8, "10.0.0.2", rate_hz=10)]
BUSY = [
    flow("curl", 7, "10.0.0.1", rate_hz=40, median_us=9_000),
    flow("nginx", 8, "10.0.0.2", rate_hz=10),
    flow("new", 9, "10.0.0.3", rate_hz=10),
]


async def test_a_mark_adds_columns_and_goes_with_the_same_key():
    app = still()
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("m")  # there is nothing to mark yet
        await feed(pilot, snapshot(20, flows=QUIET))
        assert "Δ" not in text_of(app.screen.table)[0]
        await pilot.press("m")
        await pilot.pause()
        assert "Δ since 10:00:20" in str(app.screen.header.render())
        lines = text_of(app.screen.table)
        assert all(word in lines[0] for word in ("CHANGE", "ΔCONN/S", "ΔFAIL%", "ΔP50", "ΔP99"))
        await feed(pilot, snapshot(40, flows=BUSY))
        rows = {line.strip(" ▌").split()[0]: line for line in text_of(app.screen.table)[1:4]}
        assert "×" in rows["10.0.0.1"]
        assert rows["10.0.0.3"].count("new") == 7  # its name is one of them
        assert "new" not in rows["10.0.0.2"]
        await pilot.press("m")
        await pilot.pause()
        assert "Δ" not in text_of(app.screen.table)[0] + str(app.screen.header.render())


async def test_a_mark_follows_grouping_and_filter_and_its_sort_goes_with_it():
    app = still()
    async with app.run_test(size=(160, 36)) as pilot:
        await feed(pilot, snapshot(20, flows=QUIET))
        await pilot.press("m", "g")
        await feed(pilot, snapshot(40, flows=BUSY))
        assert app.screen.view.metrics["dcount"].max() == float("inf")
        await pilot.press("slash", *"count>300", "enter")
        await pilot.pause()
        assert app.screen.view.metrics["dp50"][0] > 5  # a row that the filter had left out at the mark
        await pilot.press("P", "greater_than_sign")
        assert app.screen.spec.sort == "dp99"
        await pilot.press("m")
        await pilot.pause()
        assert app.screen.spec.sort == "p99"


async def test_a_mark_can_be_compared_with_what_was_before_it_and_holds_in_the_process_screen():
    app = still()
    async with app.run_test(size=(160, 36)) as pilot:
        await feed(pilot, snapshot(30, flows=QUIET))
        await pilot.press("m", *["comma"] * 5, "down", "enter")
        await pilot.pause()
        assert "pid" in str(app.screen.header.render())
        assert app.screen.view.baseline is not None
        assert "Δ since 10:00:30" in str(app.screen.header.render())


async def test_a_row_that_is_gone_since_the_mark_stays_and_is_faint():
    """GIVEN a marked row WHEN nothing connects there any more THEN it is listed, and faint."""
    app = still()
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await feed(pilot, snapshot(20, flows=BUSY))
        await pilot.press("m")
        await feed(pilot, snapshot(40, flows=QUIET))
        table = app.screen.table
        at = next(y for y, line in enumerate(text_of(table)) if line.startswith(" 10.0.0.3"))
        assert "gone" in text_of(table)[at]
        inks = {segment.style.color for segment in table.render_line(at) if segment.text.strip()}
        assert inks == {table.paint("dim").color}
        await pilot.click(table, offset=(5, at))
        await pilot.press("enter")
        await until(pilot, lambda: notes(app) == ["no process of this row has connected in this window"])
        assert "no connect in the window yet" in " ".join(text_of(app.screen.query_one("Histogram")))
        await pilot.press("m")
        await pilot.pause()
        assert not any(line.startswith("▌10.0.0.3") for line in text_of(table))
