"""Exports: the same connects, whatever the format."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import datetime

import pytest
from recordings import Scenario, record
from records import connect, join, random_records

from tcpconntop.core.errors import FatalError
from tcpconntop.core.wire import Outcome
from tcpconntop.outputs import export
from tcpconntop.outputs.document import event_documents
from tcpconntop.outputs.export import FIELDS, FIELDS_OF_HOSTS, Csv, JsonLines, Parquet

UNITS = {7: "web, and more.service"}
EVENTS = join(
    random_records(50, 5),
    connect("fd00::1", outcome=Outcome.REFUSED, error=111, comm='a "b", c'),
    connect(unit=9),
)
DOCUMENTS = event_documents(EVENTS, 1_700_000_000_000_000_000, UNITS)


def test_the_fields_are_those_of_a_log_line() -> None:
    assert all(tuple(document) == FIELDS for document in DOCUMENTS)


def test_json_lines_are_the_documents() -> None:
    out = io.StringIO()
    exporter = JsonLines(out)
    exporter.write(DOCUMENTS[:20])
    exporter.write(DOCUMENTS[20:])
    exporter.close()
    assert [json.loads(line) for line in out.getvalue().splitlines()] == DOCUMENTS


def test_csv_reads_back() -> None:
    """GIVEN names with commas and quotes, and what is not known WHEN read back THEN nothing moved."""
    out = io.StringIO(newline="")
    exporter = Csv(out)
    exporter.write(DOCUMENTS)
    exporter.close()
    rows = list(csv.DictReader(io.StringIO(out.getvalue(), newline="")))
    expected = [
        {name: "" if value is None else str(value) for name, value in document.items()}
        for document in DOCUMENTS
    ]
    assert rows == expected


def test_parquet_reads_back_with_types() -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    out = io.BytesIO()
    exporter = Parquet(out)
    exporter.write(DOCUMENTS[:20])
    exporter.write(DOCUMENTS[20:])
    exporter.close()
    rows = parquet.read_table(io.BytesIO(out.getvalue())).to_pylist()
    assert rows == [{**row, "ts": datetime.fromisoformat(str(row["ts"]))} for row in DOCUMENTS]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Recordings of two hosts."""
    folder = tmp_path_factory.mktemp("hosts")
    for name in ("db-07", "db-08"):
        scenario = Scenario(2)
        scenario.info = replace(scenario.info, host=name)
        record(folder / name, scenario)
    return [str(folder / name) for name in ("db-07", "db-08")]


def exported(*words: str) -> bytes:
    command = [sys.executable, "-m", "tcpconntop", "export", *words]
    return subprocess.run(command, check=True, capture_output=True).stdout


def test_recordings_of_several_hosts_are_exported_together(two: list[str]) -> None:
    """GIVEN recordings of two hosts THEN each connect has its host, in every format."""
    alone = [json.loads(line) for file in two for line in exported(file, "--format", "jsonl").splitlines()]
    assert all(tuple(connect) == FIELDS for connect in alone)
    lines = [json.loads(line) for line in exported(*two, "--format", "jsonl").splitlines()]
    assert Counter(connect["host"] for connect in lines) == dict.fromkeys(("db-07", "db-08"), len(alone) // 2)
    without_host = [{name: line[name] for name in FIELDS} for line in lines]
    assert sorted(map(str, without_host)) == sorted(map(str, alone))
    header, *rows = csv.reader(exported(*two, "--format", "csv").decode().splitlines())
    assert tuple(header) == FIELDS_OF_HOSTS
    assert [row[1] for row in rows] == [line["host"] for line in lines]
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(io.BytesIO(exported(*two, "--format", "parquet")))
    assert table.column("host").to_pylist() == [line["host"] for line in lines]


def test_connects_are_chosen_by_how_they_ended(two: list[str]) -> None:
    """WHEN a filter asks for results THEN those connects alone are exported."""
    chosen = exported(two[0], "--format", "jsonl", "--filter", "!result=ok,refused").splitlines()
    results = {json.loads(line)["result"] for line in chosen}
    assert results
    assert not results & {"ok", "refused"}


def test_small_batches_share_a_row_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording is read in batches of a few rows, and a row group takes 4 kB beside its rows."""
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(export, "ROW_GROUP_ROWS", 20)
    out = io.BytesIO()
    exporter = Parquet(out)
    for start in range(0, len(DOCUMENTS), 3):
        exporter.write(DOCUMENTS[start : start + 3])
    exporter.close()
    metadata = parquet.ParquetFile(io.BytesIO(out.getvalue())).metadata
    sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    assert len(DOCUMENTS) == 52
    assert sizes == [21, 21, 10]


def test_without_the_package_one_line_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(FatalError, match=r"pip install 'tcpconntop\[parquet\]'") as refused:
        Parquet(io.BytesIO())
    assert refused.value.exit_code == 1


def test_names_from_outside_are_neither_raw_nor_formulas() -> None:
    """GIVEN a formula, an escape sequence and a direction mark as names THEN none is written raw."""
    names = ("=cmd|' /C ca", "\x1b[31m", "\u202eexe", "\x9b31m")
    events = join(*(connect(comm=name) for name in names))
    documents = event_documents(events, 0, {7: "=HYPERLINK(\u2066)\n"})
    for kind in (Csv, JsonLines):
        out = io.StringIO(newline="")
        kind(out).write(documents)
        assert all(line.isprintable() for line in out.getvalue().splitlines())
        assert len(out.getvalue().splitlines()) == len(names) + (kind is Csv)
    assert "'=cmd" in csv_text(documents)
    assert "'=HYPERLINK(·)·" in csv_text(documents)


def csv_text(documents: list[dict[str, object]]) -> str:
    out = io.StringIO(newline="")
    Csv(out).write(documents)
    return out.getvalue()
