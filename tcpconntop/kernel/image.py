"""The BPF programs as BCC compiled them when the package was built: loaded without a compiler.

What is different on every machine is written into the instructions at load time: numbers from the kernel's
type information (offsets in `struct sock` and the like, which the source marks with FROM_BTF) and the
descriptors of maps. An image is for one architecture; `scripts/make-image` makes it. It buys the start:
loading takes some 20 ms and 12 MB, where compiling takes 1 s and 127 MB.

Runs inside the loader process: only the standard library, Python 3.9.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import struct
import zlib
from pathlib import Path
from typing import Any, NamedTuple

from tcpconntop.kernel import bpf_call
from tcpconntop.kernel.programs import Programs

FORMAT = 1
MAX_BYTES = 1 << 20
"""Largest image that is read, unpacked."""

_INSTRUCTION = struct.Struct("=BBhi")  # opcode; destination and source register; offset; number
_MOVE_NUMBER, _LOAD_64, _SOURCE_IS_MAP = 0xB7, 0x18, 1
_CLASSES_IN_USE = {0, 1, 2, 3, 4, 5, 7}  # all but 6: jumps on 32 bits, which Linux before 5.1 lacks
_ATOMIC, _ADD_WITHOUT_FETCH = 0xDB, 0


class ImageError(Exception):
    """There is no image for this machine, or it is damaged, or it was made from another source."""


class Program(NamedTuple):
    """One program.

    Attributes:
        code: its instructions, eight bytes each.
        numbers: index of an instruction, and the name of the number that it holds.
        maps: index of an instruction, and the name of the map that it refers to.
    """

    code: bytes
    numbers: list[tuple[int, str]]
    maps: list[tuple[int, str]]

    def patched(self, numbers: dict[str, int], map_fds: dict[str, int]) -> bytes:
        """Return the instructions for this machine."""
        code = bytearray(self.code)
        for index, name in self.numbers:
            struct.pack_into("=i", code, 8 * index + 4, numbers[name])
        for index, name in self.maps:
            struct.pack_into("=i", code, 8 * index + 4, map_fds[name])
        return bytes(code)


class MapDefinition(NamedTuple):
    """One map. It has `factor` entries, times the size that `size` names where it is not empty."""

    kind: int
    key_bytes: int
    value_bytes: int
    flags: int
    size: str
    factor: int


class Image(NamedTuple):
    """All programs and maps of one architecture."""

    made_by: str
    programs: dict[str, Program]
    maps: dict[str, MapDefinition]


def image_file(folder: Path, machine: str = "") -> Path:
    """Return where the image of an architecture is, below the folder of the BPF source."""
    return folder / "image" / f"{machine or os.uname().machine}.json.gz"


def source_hash(folder: Path) -> str:
    """Return a hash over the BPF source, its stand-in headers included."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.suffix in (".c", ".h")):
        digest.update(f"{file.relative_to(folder).as_posix()}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()


def read_image(folder: Path, machine: str = "") -> Image:
    """Read and check the image of this machine's architecture, or of another one.

    Args:
        folder: the folder of the BPF source.
        machine: as `uname -m` prints it; empty: this machine's.

    Raises:
        ImageError: there is none, or it cannot be used.
    """
    file = image_file(folder, machine)
    try:
        with gzip.open(file) as packed:
            text = packed.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ImageError(f"there is no image for {machine or os.uname().machine}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise ImageError(f"{file.name} cannot be read ({error})") from None
    try:
        image, source = _parse(json.loads(text) if len(text) <= MAX_BYTES else None)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ImageError(f"{file.name} is damaged ({type(error).__name__}: {error})") from None
    if source != source_hash(folder):
        raise ImageError(f"{file.name} was made from another source")
    return image


def _parse(document: Any) -> tuple[Image, str]:
    """Return an image and the hash of its source. Any fault is a ValueError, KeyError or TypeError."""
    if document["format"] != FORMAT:
        raise ValueError("unknown format")
    maps = {str(name): MapDefinition(**fields) for name, fields in document["maps"].items()}
    programs = {}
    for name, fields in document["programs"].items():
        program = Program(
            base64.b64decode(fields["code"], validate=True),
            [(int(index), str(what)) for index, what in fields["numbers"]],
            [(int(index), str(what)) for index, what in fields["maps"]],
        )
        check_program(program, set(maps))
        programs[str(name)] = program
    return Image(str(document["made_by"]), programs, maps), str(document["source"])


def check_program(program: Program, map_names: set[str]) -> None:
    """Check opcodes, and that every reference is to an instruction that can hold it.

    Raises:
        ValueError: the program is damaged, or needs a kernel that is newer than those that we support.
    """
    if not program.code or len(program.code) % 8:
        raise ValueError("it is not made of instructions")
    instructions = list(_INSTRUCTION.iter_unpack(program.code))
    second_half = False
    for opcode, _, _, number in instructions:
        if second_half != (opcode == 0):
            raise ValueError("half of a 64-bit load is missing")
        if opcode & 7 not in _CLASSES_IN_USE or (opcode | 0x18 == _ATOMIC and number != _ADD_WITHOUT_FETCH):
            raise ValueError(f"opcode {opcode:#x} is not allowed")
        second_half = opcode == _LOAD_64
    for index, _ in program.numbers:
        if not 0 <= index < len(instructions) or instructions[index][0] != _MOVE_NUMBER:
            raise ValueError(f"instruction {index} holds no number")
    references = {index for index, (opcode, registers, _, _) in enumerate(instructions)
                  if opcode == _LOAD_64 and registers >> 4 == _SOURCE_IS_MAP}  # fmt: skip
    if references != {index for index, _ in program.maps} or not map_names >= {n for _, n in program.maps}:
        raise ValueError("its references to maps are incomplete")


class ImagePrograms(Programs):
    """The programs of an image. The constructor creates the maps.

    Args:
        image: the image.
        job: what `program_numbers.complete_job` made of it.

    Raises:
        ImageError: the job lacks a number that the image needs.
        OSError: the kernel refused a map.
    """

    def __init__(self, image: Image, job: dict[str, Any]) -> None:
        super().__init__(job["functions"])
        self._image, self._numbers = image, job["numbers"]
        needed = {name for program in image.programs.values() for _, name in program.numbers}
        needed |= {definition.size for definition in image.maps.values()} - {""}
        if missing := sorted(needed - self._numbers.keys() - job["sizes"].keys()):
            raise ImageError(f"this kernel's type information gave no {', '.join(missing)}")
        self._map_fds: dict[str, int] = {}
        for name, definition in image.maps.items():
            entries = definition.factor * (job["sizes"][definition.size] if definition.size else 1)
            flags = definition.flags | job.get("map_flags", {}).get(name, 0)
            self._map_fds[name] = bpf_call.create_map(
                name, definition.kind, definition.key_bytes, definition.value_bytes, entries, flags
            )

    def map_fd(self, name: str) -> int:
        """Return the descriptor of a map."""
        return self._map_fds[name]

    def code(self, name: str) -> bytes:
        """Return the instructions of a program for this machine."""
        return self._image.programs[name].patched(self._numbers, self._map_fds)
