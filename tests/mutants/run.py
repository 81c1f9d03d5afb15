"""Run the live tests against faulty copies of the BPF program, and report the faults that no test notices.

Run as root by `make mutants`; ARGS chooses mutants by a part of their group or name. Each takes about 15 s.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from mutants import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
FILES = ("bpf", "tcpconntop", "tests/live", "tests/conftest.py", "pyproject.toml")
NAMES = (
    "outcomes", "calls", "filters", "answers", "identity", "ledger", "completeness", "losses", "stale",
    "unsent",
)  # fmt: skip
TESTS = [f"tests/live/test_{name}.py" for name in NAMES]
TESTS_FAILED = 1
FAILED = re.compile(r"^FAILED \S+::(?P<test>\w+(\[.*?\])?)(?P<why>.*)$", re.MULTILINE)


def copy_project(target: Path) -> None:
    """Copy what the live tests need."""
    for name in FILES:
        source, copy = ROOT / name, target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)


def run_tests(project: Path, tests: str) -> subprocess.CompletedProcess[str]:
    """Run some live tests in a copy of the project, up to the first failure."""
    # Only the plug-in that the live tests need: importing the others takes half a minute in emulation.
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-rA", "-p", "no:cacheprovider"]
    command += ["-p", "pytest_asyncio.plugin", *TESTS, "-k", tests]
    environment = {"TCPCONNTOP_TEST_DEADLINE_S": "30", **os.environ}
    environment |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "160"}
    return subprocess.run(command, cwd=project, env=environment, check=False, capture_output=True, text=True)


def apply(mutant: Mutant, project: Path) -> None:
    """Make a copy of the program faulty."""
    path = project / "bpf" / mutant.file
    text = (ROOT / "bpf" / mutant.file).read_text()
    if text.count(mutant.old) != 1:
        raise SystemExit(f"{mutant.name}: {mutant.old!r} is {text.count(mutant.old)} times in {path.name}")
    path.write_text(text.replace(mutant.old, mutant.new))


def restore(project: Path) -> None:
    """Make a copy of the program right again."""
    shutil.copytree(ROOT / "bpf", project / "bpf", dirs_exist_ok=True)


def verdict(mutant: Mutant, project: Path) -> str:
    """Return what became of a mutant: killed by which test, survived, or why that is not known.

    It is killed once the same test has failed twice: while anybody attaches programs, the kernel passes by
    those of the tests for some ms. In a guest nobody else does.
    """
    apply(mutant, project)
    result = run_tests(project, mutant.tests)
    first = FAILED.search(result.stdout)
    if result.returncode == TESTS_FAILED and first and "TCPCONNTOP_TEST_ALONE" not in os.environ:
        result = run_tests(project, first["test"].partition("[")[0])
    restore(project)
    if result.returncode == 0:
        blind = mutant.calls and "traced by tracepoint" in result.stdout
        return "cannot be noticed by tracepoints alone" if blind else "SURVIVED"
    failed = FAILED.search(result.stdout)
    if result.returncode == TESTS_FAILED and failed:
        return f"killed by {failed['test']}{failed['why']}"
    return f"NOT TESTED\n{result.stdout[-2000:]}{result.stderr[-500:]}"


def main(words: list[str]) -> int:
    """Test the mutants that the words choose; return 1 if one was not killed."""
    chosen = [
        (group, mutant)
        for group, mutants in MUTANTS.items()
        for mutant in mutants
        if not words or any(word in f"{group}: {mutant.name}" for word in words)
    ]
    bad = 0
    with tempfile.TemporaryDirectory(prefix="tcpconntop-mutants-") as folder:
        project = Path(folder)
        copy_project(project)
        result = run_tests(project, " or ".join(dict.fromkeys(f"({mutant.tests})" for _, mutant in chosen)))
        if result.returncode:
            raise SystemExit(f"without a fault, these tests fail too:\n{result.stdout}{result.stderr}")
        for group, mutant in chosen:
            outcome = verdict(mutant, project)
            bad += outcome.startswith(("SURVIVED", "NOT TESTED"))
            print(f"{group}: {mutant.name}: {outcome}", flush=True)
    print(f"{len(chosen)} mutants, {bad} not killed")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
