"""What scripts depend on: the names, units and nulls of JSON, and the text of tables and lines."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from tcpconntop.core.cells import cell_width
from tcpconntop.core.places import NO_PLACES, Places
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.filter import parse_filter
from tcpconntop.core.view.groups import GROUPINGS
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.window.snapshot import Snapshot, SourceInfo
from tcpconntop.core.wire import EVENT, Outcome, address_bytes
from tcpconntop.engine import Engine
from tcpconntop.outputs.batch import Batch, table_text
from tcpconntop.outputs.document import dump, event_documents, timestamp, view_document
from tcpconntop.outputs.log import Log
from tcpconntop.sources.synthetic import Flow, Synthetic

FLOWS = (
    Flow("nginx", 100, "10.2.3.4", 443, 50, 200),
    Flow("nginx", 101, "10.2.3.4", 443, 50, 200),
    Flow("envoy", 200, "fd00:7::21", 8443, 20, 500),
    Flow("probe", 300, "10.9.1.7", 9100, 5, 100, failure_share=1.0),
)


class Scenario(Synthetic):
    """Thirty tenths of a second, each as long as the engine asks to wait; then it has ended."""

    def __init__(self, flows: Sequence[Flow] = FLOWS) -> None:
        self.clock_ns = 1_000 * SECOND_NS
        super().__init__(flows, seed=7, clock_ns=lambda: self.clock_ns)

    def read(self, timeout_s: float) -> np.ndarray:
        if timeout_s > 0:
            self.clock_ns += SECOND_NS // 10
        events = super().read(timeout_s)
        self.ended = self.clock_ns >= 1_003 * SECOND_NS
        return events


def snapshot(window_s: float | None = 60, flows: Sequence[Flow] = FLOWS) -> Snapshot:
    """What an engine publishes when the scenario has ended."""
    got: list[Snapshot] = []
    Engine(Scenario(flows), got.append, window_s, interval_s=3600).run()
    return got[-1]


def test_a_document_has_the_fields_of_the_contract() -> None:
    document = json.loads(dump(view_document(make_view(snapshot(), ViewSpec()))))
    assert {
        "ts", "host", "kernel", "probe", "transport", "window_s", "group_by", "attempts", "outcomes",
        "in_flight", "syn_retransmits", "lost", "completeness", "rows",
    } <= document.keys()  # fmt: skip
    assert list(document["outcomes"]) == [
        "ok",
        "refused",
        "timeout",
        "unreachable",
        "cancelled",
        "error",
    ]
    assert datetime.fromisoformat(document["ts"]).tzinfo is not None
    for row in document["rows"]:
        assert {
            "daddr", "dport", "count", "rate_hz", "ok", "failed", "outcomes", "syn_retransmits", "min_us",
            "p50_us", "p90_us", "p99_us", "max_us", "mean_us", "last_us",
        } <= row.keys()  # fmt: skip


def test_rows_and_totals_agree() -> None:
    document = view_document(make_view(snapshot(), ViewSpec()))
    assert document["attempts"] == sum(document["outcomes"].values()) + document["in_flight"]
    assert sum(row["count"] for row in document["rows"]) == document["attempts"] > 100
    assert sum(row["failed"] for row in document["rows"]) == document["outcomes"]["refused"] > 0


def test_a_latency_that_nobody_had_is_null() -> None:
    rows = view_document(make_view(snapshot(), ViewSpec()))["rows"]
    refused = next(row for row in rows if row["daddr"] == "10.9.1.7")
    assert refused["ok"] == 0
    assert {refused[name] for name in ("min_us", "p50_us", "p99_us", "max_us", "mean_us", "last_us")} == {
        None
    }


@pytest.mark.parametrize(
    ("group", "keys", "rows"),
    [
        ("dest", {"daddr", "family", "dport"}, 3),
        ("process", {"pid", "comm"}, 4),
        ("process+dest", {"pid", "comm", "daddr", "family", "dport"}, 4),
        ("port", {"dport"}, 3),
        ("subnet", {"daddr", "family"}, 3),
        ("unit", {"unit"}, 3),
        ("netns", set(), 1),
        ("netns+dest", {"daddr", "family", "dport"}, 3),
        ("host", {"host"}, 1),
        ("host+dest", {"daddr", "family", "dport", "host"}, 3),
    ],
)
def test_each_grouping_names_its_rows(group: str, keys: set[str], rows: int) -> None:
    found = view_document(make_view(snapshot(), ViewSpec(group_by=group)))["rows"]
    assert len(found) == rows
    metrics = {"count", "rate_hz", "ok", "failed", "outcomes", "syn_retransmits"}
    for row in found:
        names = {name for name in row if name not in metrics and not name.endswith("_us")}
        assert names == keys | {"netns", "namespaces", "processes", "more_processes"}


def test_no_grouping_is_forgotten_above() -> None:
    assert set(GROUPINGS) == {
        "dest", "process", "process+dest", "port", "subnet", "unit", "netns", "netns+dest",
        "host", "host+dest",
    }  # fmt: skip


def test_all_as_a_window_is_null() -> None:
    assert view_document(make_view(snapshot(None), ViewSpec()))["window_s"] is None


def test_a_timestamp_is_rfc_3339_in_utc_with_microseconds() -> None:
    assert timestamp(1_700_000_000_123_456_789) == "2023-11-14T22:13:20.123456+00:00"


def test_batch_stops_after_n_and_says_so_once() -> None:
    done: list[bool] = []
    out = io.StringIO()
    batch = Batch(ViewSpec(), out, as_json=True, limit=2)
    batch.on_done = lambda: done.append(True)
    for _ in range(3):
        batch.publish(snapshot())
    assert len(out.getvalue().splitlines()) == 2
    assert done == [True]


def test_a_table_is_aligned() -> None:
    """GIVEN rows of any width WHEN printed THEN numbers end under the end of their header."""
    _, _, header, *rows = table_text(make_view(snapshot(), ViewSpec())).rstrip().splitlines()
    for name in ("COUNT", "P99", "MAX"):
        end = header.index(name) + len(name)
        assert all(row[end - 1] != " " and row[end : end + 1] in ("", " ") for row in rows)


def test_a_table_with_wide_and_combining_names_is_aligned() -> None:
    names = ("数据库", "cafe\u0301", "plain")
    flows = [Flow(name, 7 + n, f"10.0.0.{n}", 443, 9, 200) for n, name in enumerate(names)]
    table = table_text(make_view(snapshot(flows=flows), ViewSpec("process"))).rstrip().splitlines()
    _, _, header, *rows = table
    ends = {cell_width(line.rstrip()) for line in rows}
    assert len(ends) == 1, table
    assert cell_width(header) == ends.pop()


def test_an_empty_table_says_so() -> None:
    view = make_view(snapshot(), ViewSpec(where=parse_filter("nobody")))
    assert table_text(view).rstrip().endswith("(no connect that matches nobody ended in this window)")


def test_each_line_above_a_table_has_one_scope() -> None:
    """GIVEN both kinds of filters WHEN printed THEN totals and figures of the window say what they are of."""
    everything = snapshot()
    shown = replace(everything, info=replace(everything.info, filters="-P 9100,443"))
    lines = table_text(make_view(shown, ViewSpec(where=parse_filter("dest:10.9.0.0/16")))).splitlines()
    assert lines[0].partition("  ")[2].startswith("since the start, -P 9100,443: attempts ")
    assert lines[1].startswith("last 1m00s, -P 9100,443, dest:10.9.0.0/16: ")
    assert lines[1].endswith("/s  failed 100%  p50 -  p90 -  p99 -")
    assert table_text(make_view(everything, ViewSpec())).splitlines()[1].startswith("last 1m00s: ")
    assert table_text(make_view(snapshot(None), ViewSpec())).splitlines()[1].startswith("all: ")


def test_a_unit_name_cannot_break_a_table() -> None:
    """GIVEN a control group whose folder somebody gave a foul name WHEN printed THEN it is harmless."""
    shown = replace(snapshot(), units=dict.fromkeys(range(1, 6), "/x\x1b[2J\ny"))
    printed = table_text(make_view(shown, ViewSpec(group_by="unit")))
    assert "\x1b" not in printed
    assert "/x·[2J·y" in printed


def connect(**fields: object) -> np.ndarray:
    """One record: a v4 connect that took 1.5 ms."""
    event = np.zeros(1, EVENT)
    event["begin_ns"], event["end_ns"] = SECOND_NS, SECOND_NS + 1_500_000
    event["daddr"], event["family"] = np.void(address_bytes("10.0.0.1")[0]), 4
    event["saddr"], event["comm"] = np.void(address_bytes("10.0.0.2")[0]), b"curl"
    event["lport"], event["dport"], event["tgid"] = 40001, 443, 77
    for name, value in fields.items():
        event[name] = value
    return event


def described(**fields: object) -> dict[str, object]:
    return event_documents(connect(**fields), 0, {5: "nginx.service"})[0]


def test_a_line_has_the_fields_of_the_contract() -> None:
    assert described(cgroup_id=5, thread=b"pool-1") == {
        "ts": "1970-01-01T00:00:01.001500+00:00",
        "pid": 77,
        "comm": "curl",
        "thread": "pool-1",
        "netns": None,
        "uid": 0,
        "unit": "nginx.service",
        "family": 4,
        "saddr": "10.0.0.2",
        "lport": 40001,
        "daddr": "10.0.0.1",
        "dport": 443,
        "latency_us": 1500.0,
        "local_us": None,
        "rto_us": 0.0,
        "wire_us": None,
        "syn_retransmits": 0,
        "syn_unsent": 0,
        "result": "ok",
        "errno": None,
    }


def test_the_parts_of_a_connect_add_up() -> None:
    """GIVEN all moments are known WHEN described THEN local + rto + wire is the latency."""
    line = described(syn_ns=SECOND_NS + 20_000, last_rtx_ns=SECOND_NS + 1_020_000, syn_retransmits=1)
    assert (line["local_us"], line["rto_us"], line["wire_us"]) == (20.0, 1000.0, 480.0)


def test_what_the_probes_cannot_tell_apart_is_null() -> None:
    line = described(last_rtx_ns=SECOND_NS + 1_000_000, syn_retransmits=1)
    assert (line["local_us"], line["rto_us"], line["wire_us"]) == (None, 1000.0, 500.0)


def test_a_record_of_an_earlier_version_has_no_thread() -> None:
    assert described()["thread"] is None


@pytest.mark.parametrize(
    ("outcome", "error", "name"),
    [(Outcome.REFUSED, 111, "ECONNREFUSED"), (Outcome.ERROR, 0, None), (Outcome.ERROR, 4000, "4000")],
)
def test_a_failure_has_its_errno(outcome: Outcome, error: int, name: str | None) -> None:
    line = described(outcome=outcome, error=error)
    assert (line["result"], line["errno"]) == (outcome.label, name)


class Units:
    """The part of a source that a log asks for."""

    info = SourceInfo("host", "6.12", "fentry", "ring", "live")

    def __init__(self, read: Callable[[], int]) -> None:
        self.wall_offset_ns = read

    def places(self) -> Places:
        """Return no names."""
        return NO_PLACES

    def units(self) -> dict[int, str | None]:
        return {}


def test_a_process_name_cannot_break_a_line() -> None:
    out = io.StringIO()
    log = Log(out, parse_filter(""))
    log.publish(connect(comm=b"\x1b[31m[red]\n"), Units(lambda: 0))  # type: ignore[arg-type]
    assert out.getvalue().count("\n") == 1
    assert "\x1b" not in out.getvalue()
    assert "·[31m[red]·" in out.getvalue()


@pytest.mark.parametrize(("every", "headers"), [(None, [0]), (3, [0, 4, 8]), (7, [0])])
def test_the_header_comes_again_after_so_many_lines(every: int | None, headers: list[int]) -> None:
    """GIVEN seven connects in batches of any size WHEN printed THEN no line stands without its header."""
    out = io.StringIO()
    log = Log(out, parse_filter(""), header_every=every)
    log.header()
    for n in (2, 1, 4):
        log.publish(np.repeat(connect(), n), Units(lambda: 0))  # type: ignore[arg-type]
    lines = out.getvalue().splitlines()
    assert [at for at, line in enumerate(lines) if line.startswith("PID ")] == headers
    assert len(lines) == 7 + len(headers)


def test_json_lines_have_no_header() -> None:
    out = io.StringIO()
    log = Log(out, parse_filter(""), as_json=True, header_every=1)
    log.header()
    log.publish(np.repeat(connect(), 3), Units(lambda: 0))  # type: ignore[arg-type]
    assert [json.loads(line)["pid"] for line in out.getvalue().splitlines()] == [77] * 3
