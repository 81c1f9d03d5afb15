"""The image and a fresh compilation are the same programs; where the image cannot be used, BCC takes over."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import way
from command import run

from tcpconntop.kernel.image import image_file, read_image
from tcpconntop.kernel.job import bpf_folder
from tcpconntop.kernel.launch import TracerError, spawn_loader
from tcpconntop.kernel.request import TraceRequest
from tcpconntop.kernel.session import open_session

pytestmark = [
    pytest.mark.compiles,
    pytest.mark.skipif(not way.FIRST, reason="the same for all probe sets: runs with the first"),
]

MARK = 4_194_305
"""No process has this ID."""


def tags(loader: str) -> dict[str, str]:
    """Load and attach in one of the two ways; return the kernel's hash of each program's instructions."""
    found = {}
    with open_session(spawn_loader(), TraceRequest(loader=loader, pids=(MARK,))) as session:
        assert session.loader == loader
        for name, fd in session.fds.items():
            lines = Path(f"/proc/self/fdinfo/{fd}").read_text().splitlines()
            fields = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
            if "prog_tag" in fields:
                found[name] = fields["prog_tag"]
    return found


def test_the_image_is_to_the_kernel_what_bcc_compiles() -> None:
    code = "import bcc; print('BCC', bcc.__version__)"
    done = subprocess.run(["/usr/bin/python3", "-Ic", code], capture_output=True, text=True, check=True)
    if read_image(bpf_folder()).made_by != (here := done.stdout.strip()):
        pytest.skip(f"the image was made by another compiler than {here}")
    of_image = tags("image")
    assert len(of_image) >= 3
    assert of_image == tags("bcc")


@pytest.mark.parametrize("harm", ["stale", pytest.param("missing", marks=pytest.mark.long)])
def test_where_the_image_cannot_be_used_bcc_compiles_and_a_note_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    folder = Path(shutil.copytree(bpf_folder(), tmp_path / "bpf"))
    if harm == "stale":
        with (folder / "event.h").open("a") as source:
            source.write("/* changed */\n")
    else:
        image_file(folder).unlink()
    monkeypatch.setattr("tcpconntop.kernel.job.bpf_folder", lambda: folder)
    reason = "was made from another source" if harm == "stale" else "there is no image for"
    with open_session(spawn_loader(), TraceRequest(pids=(MARK,))) as session:
        assert session.loader == "bcc"
        assert any(note.startswith("compiled by BCC: ") and reason in note for note in session.notes)
    with pytest.raises(TracerError, match=reason) as caught:
        open_session(spawn_loader(), TraceRequest(loader="image", pids=(MARK,)))
    assert caught.value.exit_code == 4


def test_perf_buffers_need_bcc() -> None:
    with pytest.raises(TracerError, match="--loader image cannot be used: --transport perf needs BCC"):
        open_session(spawn_loader(), TraceRequest(loader="image", transport="perf", pids=(MARK,)))


@pytest.mark.parametrize("loader", ["image", pytest.param("bcc", marks=pytest.mark.long)])
def test_a_document_says_how_the_programs_were_loaded(loader: str) -> None:
    done = run("-b", "-n", "1", "-d", "0.1", "--json", "--loader", loader)
    assert json.loads(done.stdout)["loader"] == loader, done.stderr
