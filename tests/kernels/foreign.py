"""Make the root of a guest of another architecture: Debian's packages, and those of the tests as wheels.

They are only unpacked: nothing of that architecture has to run before the guest does.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import archive
import tomli
from archive import TESTS, FetchError, run
from matrix import Kernel

PROJECT = Path(__file__).parents[2]
MACHINES = {"arm64": "aarch64"}
"""Debian's names of architectures, and the kernel's."""
PACKAGES = (
    # What a small Debian has.
    "base-files,base-passwd,bash,dash,coreutils,debianutils,diffutils,findutils,grep,hostname,kmod,libc-bin,mawk,"
    "mount,procps,sed,util-linux,"
    "busybox-static,python3,python3-bpfcc,"
    # What tests call.
    "bpftool,iproute2,nftables"
)
GLIBC = (28, 27, 17)
"""Versions 2.x of the C library that wheels may be made for; Debian's is newer."""


def get(name: str, kernel: Kernel, cache: Path) -> archive.Image:
    """Return the kernel with its root in the folder `cache`; make it first if it is missing.

    Raises:
        FetchError: it cannot be made, or not run.
    """
    emulator = f"qemu-system-{MACHINES[kernel.architecture]}"
    if not shutil.which(emulator):
        raise FetchError(f"{emulator} is missing: install qemu-system-arm")
    root = cache / name
    if not root.is_dir():
        if os.geteuid():
            raise FetchError("its files must belong to root: make it once as root")
        fresh = cache / f"{name}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        make(kernel, fresh)
        fresh.rename(root)
    return archive.Image(root, kernel.architecture)


def make(kernel: Kernel, root: Path) -> None:
    """Download and unpack the newest kernel of a suite, and what the tests need, into `root`."""
    packages = f"--include={PACKAGES},linux-image-{kernel.architecture}"
    options = ("--quiet", "--variant=extract", f"--architectures={kernel.architecture}", packages)
    run("mmdebstrap", *options, kernel.suite, str(root), archive.source_line(kernel))
    (version,) = (root / "usr/lib/modules").iterdir()
    run("depmod", "-b", str(root), version.name)
    # What the packages would do while they are installed.
    for name in ("passwd", "group"):
        shutil.copy(root / f"usr/share/base-passwd/{name}.master", root / "etc" / name)
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    (root / "usr/bin/awk").symlink_to("mawk")
    # What virtme-ng starts takes a minute in emulation, and no test needs it.
    for program in ("lib/systemd/systemd-udevd", "bin/systemd-tmpfiles"):
        (root / "usr" / program).unlink(missing_ok=True)
    # What it calls at the end, and mounts at the beginning.
    (root / "usr/sbin/poweroff").symlink_to("../bin/busybox")
    for name in ("srv", "etc/lvm"):
        (root / name).mkdir(exist_ok=True)
    (root / "etc/shadow").touch(mode=0o600)
    add_tests(root, MACHINES[kernel.architecture])


def add_tests(root: Path, machine: str) -> None:
    """Make a virtual environment with what `tests/live` imports."""
    (python,) = (root / "usr/bin").glob("python3.[0-9]*[0-9]")
    version = python.name.removeprefix("python")
    folder = root / TESTS
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/python3").symlink_to("/usr/bin/python3")
    (folder / "bin/python").symlink_to("python3")
    (folder / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {version}\n")
    packages = folder / f"lib/python{version}/site-packages"
    platforms = [f"--platform=manylinux_2_{minor}_{machine}" for minor in GLIBC]
    wanted = ["--python-version", version, "--implementation=cp", "--only-binary=:all:", *platforms]
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, *wanted, "--target", str(packages), *requirements())


def requirements() -> list[str]:
    """Return what the project and its tests need."""
    described = tomli.loads((PROJECT / "pyproject.toml").read_text())
    return [*described["project"]["dependencies"], *described["dependency-groups"]["test"]]


def options(image: archive.Image, uncached: str) -> list[str]:
    """Return virtme-ng's options for its root and, beside it, the project; guest.sh mounts both again."""
    root = [f"--arch={image.architecture}", f"--root={image.root}", f"--rodir={uncached}={image.root}"]
    return [*root, f"--rodir={uncached}-project={PROJECT}"]
