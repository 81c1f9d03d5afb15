"""What must not be loaded where: the dashboard's packages cost time and memory, BCC has its own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tcpconntop

HEAVY = ("textual", "rich", "plotext", "bcc", "pyarrow", "zstandard")
PROJECT = Path(tcpconntop.__file__).parents[1]


def modules_in(*folders: str) -> list[str]:
    """Return the names of all modules in folders of the package, at any depth."""
    files = [file for folder in folders for file in (PROJECT / "tcpconntop" / folder).rglob("*.py")]
    names = sorted(".".join(file.relative_to(PROJECT).with_suffix("").parts) for file in files)
    assert len(names) > len(folders)
    return [name.removesuffix(".__init__") for name in names]


COMMANDS = modules_in("commands")
CORE = modules_in("core")


def loaded_by(*modules: str) -> set[str]:
    program = "import json, sys, importlib\n" + "".join(
        f"importlib.import_module({module!r})\n" for module in modules
    )
    program += "print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    return set(json.loads(run.stdout))


GROUPS = [
    CORE,
    modules_in("sources"),
    modules_in("recording"),
    modules_in("prometheus"),
    modules_in("outputs"),
    modules_in("exporter"),
    modules_in("settings"),
    modules_in("options"),
    ["tcpconntop.engine"],
    ["tcpconntop.sources.synthetic"],
    ["tcpconntop.recording.writer", "tcpconntop.recording.replay"],
    ["tcpconntop.outputs.batch"],
    ["tcpconntop.outputs.export", "tcpconntop.outputs.check"],
    ["tcpconntop.outputs.log"],
    ["tcpconntop.cli"],
    COMMANDS,
]


def test_given_what_runs_without_a_dashboard_when_imported_then_no_heavy_package_is_loaded():
    """All in one process: what none loads there, none loads alone."""
    together = [module for group in GROUPS for module in group]
    loaded = loaded_by(*together)
    assert set(together) <= loaded
    assert not {name for name in loaded if name.split(".")[0] in HEAVY}


@pytest.mark.long
@pytest.mark.parametrize("modules", GROUPS, ids=lambda modules: modules[0])
def test_given_some_of_that_when_imported_alone_then_it_can_be_and_no_heavy_package_is_loaded(modules):
    loaded = loaded_by(*modules)
    assert set(modules) <= loaded
    assert not {name for name in loaded if name.split(".")[0] in HEAVY}


def test_given_the_core_when_imported_then_nothing_of_the_project_above_it_is_loaded():
    loaded = loaded_by(*CORE)
    above = {
        name for name in loaded if name.startswith("tcpconntop.") and not name.startswith("tcpconntop.core")
    }
    assert not above


def test_given_the_probe_of_this_test_then_it_sees_what_is_loaded():
    assert "decimal" in loaded_by("decimal")


def test_given_the_job_of_the_loader_when_it_is_made_then_numpy_is_not_loaded():
    """It is sent before anything slow is imported, so that the loader works meanwhile."""
    assert not {"numpy", "textual"} & loaded_by("tcpconntop.kernel.job", "tcpconntop.kernel.program_numbers")


def test_given_a_command_that_traces_when_it_starts_then_what_the_loader_needs_is_not_loaded():
    """The image is loaded in another process."""
    loaded = loaded_by("tcpconntop.commands.dashboard", "tcpconntop.commands.tracing")
    assert not {"hashlib", "gzip", "tcpconntop.kernel.loader", "tcpconntop.kernel.image"} & loaded


def test_given_the_dashboard_when_it_is_imported_then_plotext_is_not_loaded():
    """It is loaded when its first curve is drawn: the pane that is shown at the start has none."""
    loaded = loaded_by(*modules_in("tui/screens"), "tcpconntop.tui.app", "tcpconntop.tui.panes.histogram")
    assert "textual" in loaded
    assert not {name for name in loaded if name.split(".")[0] == "plotext"}


def test_given_version_alone_when_asked_for_then_the_parser_is_not_loaded():
    """The command answers in an instant."""
    program = (
        "import sys; sys.argv = ['tcpconntop', '--version']\n"
        "from tcpconntop.__main__ import main\n"
        "code = main(); print(code, 'argparse' in sys.modules, 'tcpconntop.cli' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.splitlines() == [f"tcpconntop {tcpconntop.__version__}", "0 False False"]


def test_given_the_command_when_it_has_started_then_numpy_starts_no_threads():
    """Its threads for matrices, which we never multiply, take longer to start than numpy itself."""
    program = (
        "import sys; sys.argv = ['tcpconntop', 'completion', 'bash']\n"
        "from tcpconntop.__main__ import main\n"
        "main(); import numpy, os; print(len(os.listdir('/proc/self/task')))"
    )
    environment = {name: text for name, text in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    run = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=environment,
    )
    assert run.stdout.splitlines()[-1] == "1"


def test_given_any_command_line_when_it_is_parsed_then_numpy_is_not_loaded():
    """Privileges are dropped before anything starts a thread, and `--help` is instant."""
    loaded = loaded_by("tcpconntop.cli", *COMMANDS)
    assert not {name for name in loaded if name.split(".")[0] in ("numpy",)}


NOT_FOR_THE_FIRST_FRAME = ("numpy", "plotext", "csv", "xml", "http")

FIRST_FRAME = """
import asyncio, json, sys
from tcpconntop.commands import dashboard
from tcpconntop.commands.view import view_spec_from_args
from tcpconntop.core.view.column_choice import known_columns
from tcpconntop.options import parse

words = ["-P", "9", "-g", "process", "-o", "rate", "-O", "comm,rate", "--filter", "p99>5ms 10.1"]
spec = view_spec_from_args(parse(words))
from tcpconntop.tui.app import Dashboard
from tcpconntop.tui.worker import EngineThread

painted = asyncio.Event()
loaded = []
EngineThread.run = lambda self: loaded.extend(sys.modules)

async def start():
    app = Dashboard(lambda: None, spec=spec)
    async with app.run_test(size=(120, 40)) as pilot:
        while not loaded:
            await pilot.pause()
        text = app.export_screenshot()
    print(json.dumps([loaded, "process" in text, "starting" in text]))

asyncio.run(start())
"""


def test_given_a_start_when_the_first_frame_is_painted_then_nothing_that_computes_is_loaded_yet():
    """The engine's thread imports it, while the loader attaches: numpy alone holds up a frame by 0.1 s."""
    run = subprocess.run(
        [sys.executable, "-c", FIRST_FRAME], capture_output=True, text=True, check=True, timeout=60
    )
    loaded, shows_grouping, shows_start = json.loads(run.stdout)
    assert shows_grouping
    assert shows_start
    assert not {name for name in loaded if name.split(".")[0] in NOT_FOR_THE_FIRST_FRAME}
