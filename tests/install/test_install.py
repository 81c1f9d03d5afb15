"""Install the built packages as users do, and run them from another folder, with almost no environment.

`make test-install` builds the packages and sets TCPCONNTOP_TEST_DIST to their folder. Nothing else of the
checkout is used.
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
from packages import DIST, needs_packages, package_file

pytestmark = needs_packages

SYSTEM_PYTHON = "/usr/bin/python3"
BARE = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
"""The environment of a service or sudo: no HOME, no locale, nothing of this virtual environment."""
DEADLINE_S = 120.0
CONNECTS = 7


@dataclass(frozen=True)
class Installed:
    """One installation.

    Attributes:
        command: path of the program.
        python: path of the interpreter that runs it.
        man: path of its man page.
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


def test_the_debian_package_traces_without_this_environment(tmp_path: Path) -> None:
    """GIVEN the package of this machine's Python, unpacked WHEN its program runs THEN it traces."""
    version = subprocess.run(
        [SYSTEM_PYTHON, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    packages = list(Path(DIST).glob(f"*~py{version}_*.deb"))
    if not packages:
        pytest.skip(f"not run: no package for Python {version} (make deb DEB_PYTHON={version})")
    subprocess.run(["dpkg-deb", "-x", packages[0], tmp_path], check=True)
    program = tmp_path / "usr/bin/tcpconntop"
    assert program.read_text().startswith(f"#!/usr/bin/python{version} -I\n")
    program.write_text(program.read_text().replace("/usr/lib/", f"{tmp_path}/usr/lib/"))
    installed = Installed(program, Path(SYSTEM_PYTHON), tmp_path / "usr/share/man/man1/tcpconntop.1.gz")
    done = installed.run("-b", "-n", "1", "-d", "0.1", "--json")
    assert json.loads(done.stdout)["loader"] == "image", done.stderr
    assert installed.man.exists()
    for command in ("record", "exporter"):
        unit = tmp_path / f"lib/systemd/system/tcpconntop-{command}.service"
        assert f"=/usr/bin/tcpconntop {command}" in unit.read_text()
    assert (tmp_path / "usr/share/doc/tcpconntop/examples/tcpconntop.rules.yml").exists()


def foreign_python() -> str:
    """Return the path of a Python that is not the distribution's."""
    python = Path(sys.executable).resolve()
    if python.is_relative_to("/usr/bin"):
        pytest.skip("not run: this machine has only the distribution's Python")
    return str(python)


def install_in_venv(python: str, package: Path, folder: Path) -> Installed:
    subprocess.run([python, "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin" / "pip", "install", "--quiet", package], check=True)
    return Installed(
        folder / "bin" / "tcpconntop", folder / "bin" / "python", folder / "share/man/man1/tcpconntop.1"
    )


def install_with_pipx(folder: Path) -> Installed:
    folders = {
        "PIPX_HOME": str(folder / "home"),
        "PIPX_BIN_DIR": str(folder / "bin"),
        "PIPX_MAN_DIR": str(folder / "man"),
    }
    pipx = [sys.executable, "-m", "pipx", "install", "--python", SYSTEM_PYTHON, package_file("*.whl")]
    subprocess.run(pipx, env=os.environ | folders, check=True)
    venv = folder / "home" / "venvs" / "tcpconntop"
    return Installed(folder / "bin" / "tcpconntop", venv / "bin" / "python", folder / "man/man1/tcpconntop.1")


INSTALLATIONS = {
    "wheel, another Python": lambda folder: install_in_venv(foreign_python(), package_file("*.whl"), folder),
    "sdist, the distribution's Python": lambda folder: install_in_venv(
        SYSTEM_PYTHON, package_file("*.tar.gz"), folder
    ),
    "wheel, pipx": install_with_pipx,
}


@pytest.fixture(scope="module", params=list(INSTALLATIONS))
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return INSTALLATIONS[request.param](tmp_path_factory.mktemp("install"))


@pytest.fixture
def tracing(installed: Installed) -> Installed:
    """Return an installation that can trace on this machine; skip with the reason if it cannot."""
    doctor = installed.run("doctor")
    if doctor.returncode != 0:
        pytest.skip(f"not run: {doctor.stdout.rstrip().splitlines()[-1]}")
    return installed


def test_its_own_python_has_no_bcc(installed: Installed) -> None:
    """Precondition: the tests below then prove that the loader finds the distribution's BCC."""
    done = subprocess.run([installed.python, "-c", "import bcc"], env=BARE, capture_output=True, check=False)
    assert done.returncode != 0


def test_version(installed: Installed) -> None:
    done = installed.run("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()[0] == "tcpconntop"
    assert done.stdout.split()[1] in package_file("*.whl").name


def test_doctor_finds_the_distributions_bcc(tracing: Installed) -> None:
    done = tracing.run("doctor", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert f"of {SYSTEM_PYTHON}" in checks["bcc"]["detail"]


def trace_connects(installed: Installed) -> dict[str, object]:
    """Run `-b --json` and make `CONNECTS` connects; return its document."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        command = [installed.command, "-b", "-n", "1", "-d", "1", "--json", "-P", port]
        with subprocess.Popen(
            command, cwd="/", env=BARE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr
            messages = [next(process.stderr, "")]
            while messages[-1] and not messages[-1].startswith("tracing: "):
                messages.append(next(process.stderr, ""))
            for _ in range(CONNECTS):
                socket.create_connection(server.getsockname()).close()
            out, _ = process.communicate(timeout=DEADLINE_S)
        assert process.returncode == 0, messages
    document: dict[str, object] = json.loads(out)
    return document


def test_it_traces(tracing: Installed) -> None:
    document = trace_connects(tracing)
    assert document["attempts"] == CONNECTS
    assert document["lost"] == 0


def test_it_traces_beside_the_unrelated_bcc(tracing: Installed) -> None:
    """GIVEN PyPI's bcc in the same environment THEN it is not mistaken for BCC, and not even imported."""
    purelib = "import sysconfig; print(sysconfig.get_path('purelib'))"
    done = subprocess.run([tracing.python, "-c", purelib], capture_output=True, text=True, check=True)
    unrelated = Path(done.stdout.strip()) / "bcc"
    unrelated.mkdir()
    try:
        (unrelated / "__init__.py").write_text("raise SystemExit('imported')\n")
        assert trace_connects(tracing)["attempts"] == CONNECTS
    finally:
        shutil.rmtree(unrelated)


def test_the_demo_has_its_workload(installed: Installed) -> None:
    command = [installed.python, "-c", "import tcpconntop.demo.workload"]
    subprocess.run(command, cwd="/", env=BARE, check=True)


def test_it_prints_completions(installed: Installed) -> None:
    done = installed.run("completion", "bash")
    assert (done.returncode, done.stderr) == (0, "")
    assert "--probe" in done.stdout


def test_the_man_page_is_installed_and_valid(installed: Installed) -> None:
    page = installed.man.read_text()
    for text in ("tcpconntop doctor", "EXIT STATUS", r"\-\-transport"):
        assert text in page
    if not shutil.which("groff"):
        pytest.skip("not run: groff is not installed")
    done = subprocess.run(
        ["groff", "-Kutf8", "-man", "-ww", "-Tutf8", installed.man], capture_output=True, check=True
    )
    assert done.stderr == b""
