"""Images of the BPF programs: what is read, and what is refused."""

from __future__ import annotations

import base64
import gzip
import json
import shutil
import struct
from pathlib import Path

import pytest

from tcpconntop.kernel.attach import PROBE_SETS
from tcpconntop.kernel.image import Image, ImageError, ImagePrograms, image_file, read_image, source_hash
from tcpconntop.kernel.numbers import NUMBERS

BPF = Path(__file__).parents[3] / "bpf"
MACHINES = ("x86_64", "aarch64")
EXIT = struct.pack("=BBhi", 0x95, 0, 0, 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the BPF source with its images."""
    return Path(shutil.copytree(BPF, tmp_path / "bpf"))


def change(folder: Path, **changes: object) -> None:
    """Replace parts of the x86-64 image: of the document, or of its program `tct_retransmit`."""
    file = image_file(folder, "x86_64")
    document = json.loads(gzip.decompress(file.read_bytes()))
    for name, value in changes.items():
        of_document = name in ("format", "source")
        (document if of_document else document["programs"]["tct_retransmit"])[name] = value
    file.write_bytes(gzip.compress(json.dumps(document).encode()))


@pytest.mark.parametrize("machine", MACHINES)
def test_the_committed_image_is_of_this_source_and_has_every_program(machine: str) -> None:
    """If this fails after a change of bpf/: run `make image`."""
    image = read_image(BPF, machine)
    wanted = {probe.program for groups in PROBE_SETS.values() for group in groups for probe in group.probes}
    assert wanted <= set(image.programs)
    assert {name for program in image.programs.values() for _, name in program.numbers} == set(NUMBERS)
    assert image.made_by.startswith("BCC ")


def test_the_two_architectures_differ_in_the_registers_of_kprobes() -> None:
    one, other = (read_image(BPF, machine) for machine in MACHINES)
    assert one.maps == other.maps
    assert one.programs["tct_kprobe_sent"].code != other.programs["tct_kprobe_sent"].code


def test_numbers_and_maps_are_written_into_their_instructions_and_nowhere_else() -> None:
    program = read_image(BPF, "x86_64").programs["tct_retransmit"]
    code = program.patched(dict.fromkeys(NUMBERS, 77), dict.fromkeys({name for _, name in program.maps}, 55))
    indices = range(len(code) // 8)
    before, after = (
        [struct.unpack_from("=i", raw, 8 * n + 4)[0] for n in indices] for raw in (program.code, code)
    )
    assert {after[index] for index, _ in program.numbers} == {77}
    assert {after[index] for index, _ in program.maps} == {55}
    changed = {index for index in indices if before[index] != after[index]}
    assert changed == {index for index, _ in (*program.numbers, *program.maps)}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": 2}, "is damaged .*unknown format"),
        ({"code": "!"}, "is damaged"),
        ({"code": ""}, "not made of instructions"),
        ({"code": base64.b64encode(EXIT[:7]).decode()}, "not made of instructions"),
        ({"code": base64.b64encode(b"\x06" + EXIT[1:]).decode()}, "opcode 0x6 is not allowed"),
        ({"code": base64.b64encode(b"\xdb\0\0\0\1\0\0\0").decode()}, "opcode 0xdb is not allowed"),
        ({"code": base64.b64encode(b"\x18" + EXIT[1:] + EXIT).decode()}, "half of a 64-bit load"),
        ({"numbers": [[10**6, "SK_DPORT"]]}, "holds no number"),
        ({"numbers": [[-1, "SK_DPORT"]]}, "holds no number"),
        ({"numbers": [["x", "SK_DPORT"]]}, "is damaged"),
        ({"maps": []}, "references to maps are incomplete"),
        ({"source": "0" * 64}, "was made from another source"),
    ],
)
def test_a_damaged_image_is_refused_in_one_line(
    folder: Path, changes: dict[str, object], reason: str
) -> None:
    change(folder, **changes)
    with pytest.raises(ImageError, match=reason) as caught:
        read_image(folder, "x86_64")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "raw",
    [b"", b"text", gzip.compress(b"{"), gzip.compress(b"[" * 500_000), gzip.compress(bytes(4 << 20))],
    ids=["empty", "not packed", "half", "deep", "too long"],
)
def test_a_file_that_is_no_image_is_refused_in_one_line(folder: Path, raw: bytes) -> None:
    image_file(folder, "x86_64").write_bytes(raw)
    with pytest.raises(ImageError) as caught:
        read_image(folder, "x86_64")
    assert len(str(caught.value).splitlines()) == 1


def test_an_architecture_without_an_image_is_named(folder: Path) -> None:
    with pytest.raises(ImageError, match="there is no image for riscv64"):
        read_image(folder, "riscv64")


def test_after_a_change_of_any_source_file_the_image_is_stale(folder: Path) -> None:
    before = source_hash(folder)
    for file in sorted(folder.rglob("*.[ch]")):
        text = file.read_bytes()
        file.write_bytes(text + b" ")
        assert source_hash(folder) != before, file
        file.write_bytes(text)
    assert source_hash(folder) == before


def test_a_number_that_btf_did_not_give_is_named_before_anything_is_loaded() -> None:
    image: Image = read_image(BPF, "x86_64")
    numbers = dict.fromkeys(set(NUMBERS) - {"SK_ERR"}, 1)
    sizes = dict.fromkeys({definition.size for definition in image.maps.values()}, 1)
    with pytest.raises(ImageError, match="this kernel's type information gave no SK_ERR"):
        ImagePrograms(image, {"numbers": numbers, "sizes": sizes, "functions": {}, "settings": ""})


def test_the_sizes_of_maps_follow_what_they_have_to(folder: Path) -> None:
    """WHEN two sizes are in the same proportion THEN neither stands for the other."""
    maps = read_image(folder, "x86_64").maps
    sizes = {name: (definition.size, definition.factor) for name, definition in maps.items()}
    assert sizes["tct_start"] == ("START_MAP_SIZE", 1)
    assert sizes["tct_counters"] == ("CPUS", 1)
    assert sizes["tct_events"] == ("RING_BYTES", 1)
    assert {name for name, size in sizes.items() if size[0]} == {"tct_start", "tct_counters", "tct_events"}
