"""Download kernels from Debian's archive, without changing the machine's own packages.

apt uses a separate state folder and source list. Packages are unpacked, not installed.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from matrix import Kernel

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PARTS = re.compile(r"linux-(image|binary|modules)-\d")
"""Names of the packages of a kernel; from 7.x on there are several."""
PEER_PARTS = re.compile(r"linux-headers-\d|bpfcc-tools$")
"""Names of the packages that tcpconnlat needs."""


TESTS = Path("opt/tests")
"""The virtual environment of the tests, in the root of another architecture."""


class FetchError(Exception):
    """A kernel cannot be downloaded; one line with the reason."""


@dataclass(frozen=True)
class Image:
    """An unpacked kernel."""

    root: Path
    """Folder with `lib/modules`."""
    architecture: str = ""
    """Debian's name of its architecture if it has a root of its own, which is this folder; else empty."""

    @property
    def python(self) -> str:
        """The interpreter of the tests in the guest."""
        return f"/{TESTS}/bin/python" if self.architecture else sys.executable

    @property
    def headers(self) -> Path | None:
        """Folder with its header folders; None if they were not downloaded."""
        return folder if (folder := self.root / "src").is_dir() else None

    @property
    def peer(self) -> Path:
        """The script of tcpconnlat; only if there are headers."""
        return self.root / "tcpconnlat-bpfcc"

    @property
    def path(self) -> Path:
        """The kernel image to boot."""
        found = [*self.root.glob("boot/vmlinuz-*"), *self.root.glob("lib/modules/*/vmlinuz")]
        if len(found) != 1:
            raise FetchError(f"{self.root} holds {len(found)} kernel images: remove it and try again")
        return found[0]


def get(name: str, kernel: Kernel, cache: Path) -> Image:
    """Return the kernel in the folder `cache`; download it first if it is missing.

    Raises:
        FetchError: it cannot be downloaded.
    """
    root = cache / (f"{name}-with-peer" if kernel.peer else name)
    if not root.is_dir():
        fresh = cache / f"{name}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        unpack(download(kernel, fresh), fresh)
        fresh.rename(root)
    return Image(root)


def download(kernel: Kernel, folder: Path) -> list[Path]:
    """Download a suite's newest kernel into `folder`. Return the packages."""
    options = apt_options(source_line(kernel), folder / "apt")
    run("apt-get", *options, "update", "--error-on=any", "-qq")
    architecture = run("dpkg", "--print-architecture").strip()
    wanted = [f"linux-image-{architecture}"]
    if kernel.peer:
        wanted += [f"linux-headers-{architecture}", "bpfcc-tools"]
    depends = run("apt-cache", *options, "depends", "--recurse", "--important", *wanted).splitlines()
    names = sorted({line for line in depends if is_wanted(line, kernel)})
    if not names:
        raise FetchError(f"{kernel.suite} has no linux-image-{architecture}")
    run("apt-get", *options, "download", "-qq", *names, cwd=folder)
    return sorted(folder.glob("*.deb"))


def is_wanted(package: str, kernel: Kernel) -> bool:
    """True if a package belongs to a kernel, or to the tcpconnlat for it."""
    return bool(PARTS.match(package) or (kernel.peer and PEER_PARTS.match(package)))


def unpack(packages: list[Path], root: Path) -> None:
    """Unpack into `root`: an image, its modules, and headers and tcpconnlat if they were downloaded."""
    for package in packages:
        run("dpkg", "-x", str(package), str(root))
        package.unlink()
    merged = root / "usr/lib/modules"
    if merged.is_dir():
        (root / "lib").mkdir(exist_ok=True)
        merged.rename(root / "lib/modules")
    for kept in (root / "usr/src", root / "usr/sbin/tcpconnlat-bpfcc"):
        if kept.exists():
            kept.rename(root / kept.name)
    for leftover in ("usr", "apt"):
        shutil.rmtree(root / leftover, ignore_errors=True)
    (root / "usr").symlink_to(".")  # some versions of depmod use usr/lib/modules, others lib/modules
    (version,) = (root / "lib/modules").iterdir()
    run("depmod", "-b", str(root), version.name)


def apt_options(source: str, folder: Path) -> list[str]:
    """Return options that make apt use only `folder`, with one source."""
    (folder / "lists/partial").mkdir(parents=True)
    (folder / "cache/archives/partial").mkdir(parents=True)
    (folder / "status").touch()
    (folder / "sources.list").write_text(source + "\n")
    settings = {
        "Dir::State": folder,
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "APT::Sandbox::User": "root",  # the user _apt may not read a home folder
        "APT::Install-Recommends": "false",
    }
    return [f"-o{key}={value}" for key, value in settings.items()]


def source_line(kernel: Kernel) -> str:
    """Return the source list line for this kernel."""
    label, variable = (
        ("Debian-Security", "DEBIAN_SECURITY") if kernel.security else ("Debian", "DEBIAN_ARCHIVE")
    )
    address = os.environ.get(variable) or machine_archives().get(label)
    if address is None:
        raise FetchError(
            f"apt has no archive labelled {label} here (run apt-get update?); set one with {variable}=URL"
        )
    signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
    return f"deb {signed}{address} {kernel.suite} main"


@functools.cache
def machine_archives() -> dict[str, str]:
    """Return the addresses of this machine's apt archives, by label."""
    targets = run("apt-get", "indextargets", "--format", "$(LABEL)|$(REPO_URI)", "Created-By: Packages")
    return dict(line.split("|", 1) for line in targets.splitlines() if "|" in line)


def run(*command: str, cwd: Path | None = None) -> str:
    """Return a command's output.

    Raises:
        FetchError: it failed, or is not installed.
    """
    try:
        return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout
    except FileNotFoundError as error:
        raise FetchError(f"{command[0]} is missing") from error
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or error.stdout).strip().splitlines() or ["no message"]
        raise FetchError(f"{command[0]}: {lines[0]}") from error
