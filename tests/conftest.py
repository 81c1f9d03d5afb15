"""Set-up of all tests: no settings file and no remembered state."""

from __future__ import annotations

import atexit
import gc
import os
import signal
from collections.abc import Iterator

import pytest

# Before anything imports numpy: it starts threads for large matrices in each of many processes.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

# A worker ends at once: Python would first free what many tests have left, which takes it three seconds.
if "PYTEST_XDIST_WORKER" in os.environ:
    atexit.register(os._exit, 0)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--long`: without it, tests with very many cases take some of them, and a few are left out.

    Add `--every-way`: with it, the live tests that share a session run in other ways of tracing, too.
    """
    parser.addoption(
        "--long", action="store_true", help="go through all cases of the tests that have very many"
    )
    parser.addoption(
        "--every-way",
        action="store_true",
        help="run the live tests that share a session with perf buffers, and with programs of BCC, too",
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked `long`, and say how many that are. Mix the tests that wait with the others.

    Live tests wait for the kernel, the others compute: side by side they keep all processors busy.
    """
    if not config.getoption("long"):
        left_out = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("long")]
    waiting, computing = ([i for i in items if ("live" in i.path.parts) is live] for live in (True, False))
    if waiting and computing:
        # None waits at the end, when there is nothing left to compute.
        places = [
            n * share / len(part)
            for part, share in ((waiting, 0.85), (computing, 1))
            for n in range(len(part))
        ]
        order = sorted(zip(places, [*waiting, *computing], strict=True), key=lambda pair: pair[0])
        items[:] = [item for _, item in order]


def pytest_collection_finish() -> None:
    """Exclude existing objects from garbage collection: it takes a sixth of the time of the apps."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(scope="session", autouse=True)
def _signals_end_programs() -> None:
    """Take back what a shell ignores for a background job: programs under test would ignore it too."""
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


@pytest.fixture(scope="session")
def long(pytestconfig: pytest.Config) -> bool:
    """True if a test is to go through all of its cases, however long that takes."""
    return bool(pytestconfig.getoption("long"))


@pytest.fixture(scope="session", autouse=True)
def _nothing_remembered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Use temporary folders, so that no test reads or writes the files of the user who runs it."""
    before = dict(os.environ)
    os.environ["XDG_CONFIG_HOME"] = str(tmp_path_factory.mktemp("config"))
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))
    for size in ("COLUMNS", "LINES"):  # pytest-xdist sets them: a terminal's own size would not count
        os.environ.pop(size, None)
    yield
    os.environ.clear()
    os.environ.update(before)
