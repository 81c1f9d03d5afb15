"""Files of users: regular ones are read, private ones are made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tcpconntop.commands.files import open_files
from tcpconntop.core.errors import FatalError
from tcpconntop.kernel.user_files import MAX_SMALL_FILE_BYTES, create_private, open_to_read, read_small_file


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    """GIVEN a FIFO or a device WHEN it is opened THEN that is an error at once, not a wait."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").write_text("text")
    (tmp_path / "link").symlink_to("file")
    for path in (tmp_path / "fifo", Path("/dev/zero"), Path("/dev/null")):
        with pytest.raises(OSError, match="not a regular file"):
            open_to_read(path)
    with pytest.raises(IsADirectoryError):
        open_to_read(tmp_path)
    for name in ("file", "link"):
        assert read_small_file(tmp_path / name) == b"text"


def test_a_pipe_that_the_program_was_started_with_is_read() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"text")
    os.close(writer)
    with open_to_read(Path(f"/dev/fd/{reader}")) as file:
        assert file.read() == b"text"
    os.close(reader)


def test_a_small_file_is_small(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match="larger than 1 MiB"):
        read_small_file(tmp_path / "sparse")
    (tmp_path / "full").write_bytes(b"x" * MAX_SMALL_FILE_BYTES)
    assert len(read_small_file(tmp_path / "full")) == MAX_SMALL_FILE_BYTES


@pytest.mark.parametrize("kind", ["file", "link", "dangling", "folder", "fifo"])
def test_what_exists_is_never_written(kind: str, tmp_path: Path) -> None:
    precious, path = tmp_path / "precious", tmp_path / "path"
    precious.write_text("mine")
    {
        "file": lambda: path.write_text("mine"),
        "link": lambda: path.symlink_to(precious),
        "dangling": lambda: path.symlink_to(tmp_path / "elsewhere"),
        "folder": path.mkdir,
        "fifo": lambda: os.mkfifo(path),
    }[kind]()
    with pytest.raises(FileExistsError):
        create_private(path)
    assert precious.read_text() == "mine"
    assert not (tmp_path / "elsewhere").exists()


def test_only_the_owner_may_read_what_is_written(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        os.close(create_private(tmp_path / "new"))
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can have been called through sudo")
def test_under_sudo_a_recording_is_opened_with_the_rights_of_the_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").touch(mode=0o600)
    open_files([str(tmp_path / "secret")])[0][1].close()
    monkeypatch.setenv("SUDO_UID", "65534")
    monkeypatch.setenv("SUDO_GID", "65534")
    with pytest.raises(FatalError, match=r"cannot read .*/secret: Permission denied"):
        open_files([str(tmp_path / "secret")])
    assert os.geteuid() == 0
