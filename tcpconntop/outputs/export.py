"""The output of `export`: single connects as files, with the fields of `log --json`."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import datetime
from typing import Any, BinaryIO, Protocol, TextIO

from tcpconntop.core.errors import FatalError
from tcpconntop.core.escape import csv_cell
from tcpconntop.outputs.document import dump

FIELDS = (
    "ts", "pid", "comm", "thread", "netns", "uid", "unit", "family", "saddr", "lport", "daddr", "dport",
    "latency_us", "local_us", "rto_us", "wire_us", "syn_retransmits", "syn_unsent", "result", "errno",
)  # fmt: skip

FIELDS_OF_HOSTS = (FIELDS[0], "host", *FIELDS[1:])
"""With the host: where there are several."""

ROW_GROUP_ROWS = 65_536
"""The smallest number of rows of a row group in Parquet, except for the last one."""

Documents = Sequence[dict[str, Any]]


class Exporter(Protocol):
    """Writes connects batch by batch."""

    def write(self, documents: Documents) -> None:
        """Write a batch (`event_documents`)."""
        ...

    def close(self) -> None:
        """Finish the file."""
        ...


class JsonLines:
    """One JSON document per line."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, documents: Documents) -> None:
        """Write a batch as lines."""
        self._out.writelines(dump(document) + "\n" for document in documents)

    def close(self) -> None:
        """Flush the output."""
        self._out.flush()


class Csv:
    """One line per connect below a header; unknown values are empty. For texts, see `csv_cell`."""

    def __init__(self, out: TextIO, fields: Sequence[str] = FIELDS) -> None:
        self._out = out
        self._rows = csv.DictWriter(out, fields, lineterminator="\n")
        self._rows.writeheader()

    def write(self, documents: Documents) -> None:
        """Write a batch as lines."""
        for document in documents:
            self._rows.writerow({name: csv_cell(value) for name, value in document.items()})

    def close(self) -> None:
        """Flush the output."""
        self._out.flush()


class Parquet:
    """A Parquet file.

    A row group takes 4 kB beside its rows, and a recording is read in batches of a few rows. So batches are
    collected: 900 connects take 25 kB instead of 390 kB.

    Raises:
        FatalError: pyarrow is not installed.
    """

    def __init__(self, out: BinaryIO, fields: Sequence[str] = FIELDS) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            raise FatalError("Parquet needs the pyarrow package: pip install 'tcpconntop[parquet]'") from None
        self._arrow = pyarrow
        text, whole, part = pyarrow.string(), pyarrow.int64(), pyarrow.float64()
        kinds = {"ts": pyarrow.timestamp("us", "UTC")}
        kinds |= dict.fromkeys(("host", "comm", "thread", "unit", "saddr", "daddr", "result", "errno"), text)
        kinds |= dict.fromkeys(("latency_us", "local_us", "rto_us", "wire_us"), part)
        self._schema = pyarrow.schema([(name, kinds.get(name, whole)) for name in fields])
        self._writer = pyarrow.parquet.ParquetWriter(out, self._schema)
        self._batches: list[Any] = []
        self._n_rows = 0

    def write(self, documents: Documents) -> None:
        """Add a batch; write a row group once there are enough rows for one."""
        rows = [{**document, "ts": datetime.fromisoformat(document["ts"])} for document in documents]
        self._batches.append(self._arrow.Table.from_pylist(rows, self._schema))
        self._n_rows += len(rows)
        if self._n_rows >= ROW_GROUP_ROWS:
            self._write_row_group()

    def close(self) -> None:
        """Write what is left, and the index at the end of the file."""
        if self._batches:
            self._write_row_group()
        self._writer.close()

    def _write_row_group(self) -> None:
        self._writer.write_table(self._arrow.concat_tables(self._batches), row_group_size=self._n_rows)
        self._batches, self._n_rows = [], 0
