"""Install the packages in a bare Debian, without BCC, headers or a compiler, and trace there.

Each root is made by mmdebstrap: Debian 13 with Python and pipx. The commands are those of the README.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from packages import needs_packages, package_file

pytestmark = [
    needs_packages,
    pytest.mark.skipif(not shutil.which("mmdebstrap"), reason="not run: mmdebstrap is not installed"),
]

RELEASE, PYTHON = "trixie", "3.13"
CONNECTS = 7
PROGRAM = f"""
import json, socket, subprocess, sys, time
server = socket.create_server(("127.0.0.1", 0))
port = str(server.getsockname()[1])
began_s = time.monotonic()
command = [*sys.argv[1:], "-b", "-n", "1", "-d", "1", "--json", "-P", port]
process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
said = []
for line in process.stderr:
    said.append(line)
    if line.startswith("tracing: "):
        break
tracing_s = time.monotonic() - began_s
for _ in range({CONNECTS}):
    socket.create_connection(server.getsockname()).close()
out, err = process.communicate(timeout=60)
print(json.dumps([process.returncode, tracing_s, out, "".join(said) + err]))
"""
"""Traces in the root: prints the exit code, the seconds until it traced, and what was written."""


class Root:
    """A bare root that programs can be run in.

    Args:
        folder: where it is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, file: Path) -> str:
        """Copy a file into the root; return its path there."""
        shutil.copy(file, self._folder / "tmp")
        return f"/tmp/{file.name}"

    def run(self, *command: str, **variables: str) -> str:
        """Run a command in the root; return its output."""
        done = subprocess.run(
            ["chroot", self._folder, *command], check=False, capture_output=True, text=True, timeout=600,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"} | variables,
        )  # fmt: skip
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def has(self, path: str) -> bool:
        """True if the root has a file."""
        return (self._folder / path.lstrip("/")).exists()

    def trace(self, *command: str) -> dict[str, object]:
        """Run a command in the root while it connects; return its JSON document, and print its time."""
        code, tracing_s, out, said = json.loads(self.run("python3", "-c", PROGRAM, *command))
        assert code == 0, said
        print(f"{' '.join(command)}: traces after {tracing_s:.2f} s", file=sys.stderr)
        document: dict[str, object] = json.loads(out)
        return document


@contextlib.contextmanager
def mounted(folder: Path) -> Iterator[None]:
    """Mount the kernel's file systems, and what pip is told about its index on this machine."""
    done: list[Path] = []
    here = [Path(path) for path in ("/proc", "/sys", "/dev", "/etc/ssl", "/etc/pip.conf", "/etc/resolv.conf")]
    try:
        for path in here:
            if path.exists():
                target = folder / path.relative_to("/")
                if path.is_dir():
                    target.mkdir(parents=True, exist_ok=True)
                else:
                    target.touch()
                subprocess.run(["mount", "--bind", path.resolve(), target], check=True)
                done.append(target)
        yield
    finally:
        for target in reversed(done):
            subprocess.run(["umount", "--lazy", target], check=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the root once; each test has a copy."""
    folder = tmp_path_factory.mktemp("bare") / "root"
    include = "--include=python3,python3-venv,pipx,ca-certificates"
    made = subprocess.run(
        ["mmdebstrap", "--quiet", "--variant=minbase", include, RELEASE, folder],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack the OCI image as a container engine does; return the folder of its root and configuration."""
    folder = tmp_path_factory.mktemp("oci")
    (folder / "layout").mkdir()
    subprocess.run(["tar", "-xf", package_file("*-oci.tar"), "-C", folder / "layout"], check=True)
    index = json.loads((folder / "layout/index.json").read_text())
    tag = index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"]
    subprocess.run(
        ["umoci", "unpack", "--image", f"{folder}/layout:{tag}", folder / "bundle"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder / "bundle"


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Iterator[Root]:
    folder = tmp_path / "root"
    subprocess.run(["cp", "-a", "--reflink=auto", made, folder], check=True)
    with mounted(folder):
        bare = Root(folder)
        for path in ("/usr/bin/gcc", "/usr/bin/clang", "/usr/lib/python3/dist-packages/bcc"):
            assert not bare.has(path), path  # a bare root: the image is all there is
        yield bare


def holds(document: dict[str, object]) -> None:
    """Check that what was traced is all that happened, by the programs compiled ahead."""
    assert (document["attempts"], document["lost"], document["loader"]) == (CONNECTS, 0, "image")


def test_the_debian_package(root: Root) -> None:
    root.run("dpkg", "-i", root.put(package_file(f"*~py{PYTHON}_*.deb")))
    holds(root.trace("tcpconntop"))


def test_the_wheel_by_pipx(root: Root) -> None:
    pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    root.run("pipx", "install", root.put(package_file("*.whl")), **pip)
    holds(root.trace("/root/.local/bin/tcpconntop"))


def test_the_single_file(root: Root) -> None:
    """Its second start is like any later one: at the first, it is unpacked below the user's home."""
    file = root.put(package_file(f"*-py{PYTHON}.pyz"))
    holds(root.trace(file))
    holds(root.trace(file))


def test_the_image_with_the_two_capabilities_alone(unpacked: Path) -> None:
    """GIVEN the image WHEN its entry point runs with what README's `docker run` gives THEN it traces."""
    process = json.loads((unpacked / "config.json").read_text())["process"]
    assert process["args"] == ["/usr/bin/tcpconntop"]
    with mounted(unpacked / "rootfs"):
        container = Root(unpacked / "rootfs")
        assert not container.has("/usr/bin/gcc")
        two = ("setpriv", "--bounding-set=-all,+bpf,+perfmon", "--no-new-privs")
        holds(container.trace(*two, *process["args"]))
