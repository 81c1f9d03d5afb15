"""What was built, installed as users install it, run from elsewhere and with hardly any environment.

`make test-install` builds and names the folder; nothing of the checkout is used here but the tests.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

DIST = os.environ.get("TCPCONNTOP_TEST_DIST", "")
pytestmark = pytest.mark.skipif(not DIST, reason="make test-install builds what is tested here")

SYSTEM_PYTHON = "/usr/bin/python3"
BARE = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
"""As a service or sudo would have it: no HOME, no locale, nothing of this virtual environment."""
DEADLINE_S = 120.0
CONNECTS = 7


@dataclass(frozen=True)
class Installed:
    """One installation.

    Attributes:
        command: the program, as it was put there.
        python: the interpreter that runs it.
        man: where its man page is.
    """

    command: Path
    python: Path
    man: Path

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.command, *arguments],
            cwd="/",
            env=BARE | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )


def built(pattern: str) -> Path:
    (found,) = Path(DIST).glob(pattern)
    return found.resolve()


def foreign_python() -> str:
    """A Python that is not the distribution's."""
    python = Path(sys.executable).resolve()
    if python.is_relative_to("/usr/bin"):
        pytest.skip("not run: the only Python here is the distribution's")
    return str(python)


def into_venv(python: str, what: Path, folder: Path) -> Installed:
    subprocess.run([python, "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin" / "pip", "install", "--quiet", what], check=True)
    return Installed(
        folder / "bin" / "tcpconntop", folder / "bin" / "python", folder / "share/man/man1/tcpconntop.1"
    )


def with_pipx(folder: Path) -> Installed:
    folders = {
        "PIPX_HOME": str(folder / "home"),
        "PIPX_BIN_DIR": str(folder / "bin"),
        "PIPX_MAN_DIR": str(folder / "man"),
    }
    pipx = [sys.executable, "-m", "pipx", "install", "--python", SYSTEM_PYTHON, built("*.whl")]
    subprocess.run(pipx, env=os.environ | folders, check=True)
    venv = folder / "home" / "venvs" / "tcpconntop"
    return Installed(folder / "bin" / "tcpconntop", venv / "bin" / "python", folder / "man/man1/tcpconntop.1")


WAYS = {
    "wheel, another Python": lambda folder: into_venv(foreign_python(), built("*.whl"), folder),
    "sdist, the distribution's Python": lambda folder: into_venv(SYSTEM_PYTHON, built("*.tar.gz"), folder),
    "wheel, pipx": with_pipx,
}


@pytest.fixture(scope="module", params=list(WAYS))
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return WAYS[request.param](tmp_path_factory.mktemp("install"))


@pytest.fixture
def tracing(installed: Installed) -> Installed:
    """One that can trace here; what keeps it from that is told."""
    doctor = installed.run("doctor")
    if doctor.returncode != 0:
        pytest.skip(f"not run: {doctor.stdout.rstrip().splitlines()[-1]}")
    return installed


def test_its_own_python_has_no_bcc(installed: Installed) -> None:
    """So that the tests below show the loader finding the distribution's."""
    done = subprocess.run([installed.python, "-c", "import bcc"], env=BARE, capture_output=True, check=False)
    assert done.returncode != 0


def test_it_tells_its_version(installed: Installed) -> None:
    done = installed.run("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()[0] == "tcpconntop"
    assert done.stdout.split()[1] in built("*.whl").name


def test_doctor_finds_the_distributions_bcc(tracing: Installed) -> None:
    done = tracing.run("doctor", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert f"of {SYSTEM_PYTHON}" in found["bcc"]["detail"]


def traced(installed: Installed) -> dict[str, object]:
    """Connect while it runs; gives its document."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        command = [installed.command, "-b", "-n", "1", "-d", "1", "--json", "-P", port]
        with subprocess.Popen(
            command, cwd="/", env=BARE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr
            said = [next(process.stderr, "")]
            while said[-1] and not said[-1].startswith("tracing: "):
                said.append(next(process.stderr, ""))
            for _ in range(CONNECTS):
                socket.create_connection(server.getsockname()).close()
            out, _ = process.communicate(timeout=DEADLINE_S)
        assert process.returncode == 0, said
    document: dict[str, object] = json.loads(out)
    return document


def test_it_traces(tracing: Installed) -> None:
    document = traced(tracing)
    assert document["attempts"] == CONNECTS
    assert document["lost"] == 0


def test_it_traces_beside_the_unrelated_bcc(tracing: Installed) -> None:
    """GIVEN PyPI's bcc in the same environment THEN it is not taken for BCC, and not even imported."""
    purelib = "import sysconfig; print(sysconfig.get_path('purelib'))"
    done = subprocess.run([tracing.python, "-c", purelib], capture_output=True, text=True, check=True)
    unrelated = Path(done.stdout.strip()) / "bcc"
    unrelated.mkdir()
    try:
        (unrelated / "__init__.py").write_text("raise SystemExit('imported')\n")
        assert traced(tracing)["attempts"] == CONNECTS
    finally:
        shutil.rmtree(unrelated)


def test_the_demo_has_its_workload(installed: Installed) -> None:
    command = [installed.python, "-c", "import tcpconntop.demo.workload"]
    subprocess.run(command, cwd="/", env=BARE, check=True)


def test_it_prints_completions(installed: Installed) -> None:
    done = installed.run("completion", "bash")
    assert (done.returncode, done.stderr) == (0, "")
    assert "--probe" in done.stdout


def test_the_man_page_is_there_and_reads_well(installed: Installed) -> None:
    page = installed.man.read_text()
    for text in ("tcpconntop doctor", "EXIT STATUS", r"\-\-transport"):
        assert text in page
    if not shutil.which("groff"):
        pytest.skip("not run: there is no groff here to read it")
    done = subprocess.run(
        ["groff", "-Kutf8", "-man", "-ww", "-Tutf8", installed.man], capture_output=True, check=True
    )
    assert done.stderr == b""
