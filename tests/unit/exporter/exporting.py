"""A source for the tests of the exporter: lists of records, and a ledger that goes with them."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from records import PlainSource, connect, join

from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.wire import EVENT, Outcome
from tcpconntop.exporter.collector import Collector
from tcpconntop.exporter.families import HistogramSample, metric_families


def run_promtool(*words, text=None, folder=None):
    """Run promtool; return its exit code and what it prints."""
    done = subprocess.run(
        [promtool_or_skip(), *words], input=text, capture_output=True, text=True, cwd=folder, check=False
    )
    return done.returncode, done.stdout + done.stderr


def promtool_or_skip():
    """Return the path of promtool, which `make test` puts beside Python."""
    beside = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    if found := shutil.which("promtool", path=beside):
        return found
    pytest.skip("not run: promtool is not installed (scripts/need-promtool gets it)")


class Records(PlainSource):
    """A `Source` of batches: each `read` returns the next one.

    Attributes:
        more: batches to come.
    """

    def __init__(self, *batches):
        self.more, self.in_flight = list(batches), 0
        self._ledger = Ledger()

    @property
    def ended(self):
        return not self.more

    def read(self, timeout_s):
        return self.more.pop(0) if self.more else np.empty(0, EVENT)

    def ledger(self):
        events = join(*self.more)
        counts = np.bincount(events["outcome"], minlength=len(Outcome)).tolist()
        return Ledger().plus_ended(counts, int(events["syn_retransmits"].sum()))

    def now_ns(self):
        return time.monotonic_ns()

    def close(self):
        self.more = []


def exported_labels():
    """Return the names of the labels of each exported sample, by its name in PromQL."""
    snapshot = Collector(Records(connect()), "dest", 10).latest
    known = dataclasses.replace(snapshot.ledger, completeness=1.0)  # what is not known is not exported
    labels = {}
    for family in metric_families(dataclasses.replace(snapshot, ledger=known), tracing=True):
        for sample in family.samples:
            names = {name for name, _ in sample.labels}
            if isinstance(sample, HistogramSample):
                labels |= {f"{family.name}_bucket": names | {"le"}, f"{family.name}_count": names}
            labels[family.name] = names
    return labels
