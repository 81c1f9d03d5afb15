"""The kernel's type information, in a small made-up file."""

from __future__ import annotations

import struct

import pytest

from tcpconntop.kernel.btf import Btf, BtfError

INT, STRUCT, FUNCTION, PROTO = 1, 4, 12, 13


class File:
    """Writes BTF: types are numbered from 1."""

    def __init__(self) -> None:
        self.strings, self.types = bytearray(b"\0"), b""

    def name(self, text: str) -> int:
        position = len(self.strings)
        self.strings += text.encode() + b"\0"
        return position

    def add(self, name: int, kind: int, members: int, size: int, *words: int) -> None:
        self.types += struct.pack(f"={3 + len(words)}I", name, kind << 24 | members, size, *words)

    def write(self, path) -> Btf:
        header = struct.pack(
            "=HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(self.types), len(self.types), len(self.strings)
        )
        path.write_bytes(header + self.types + self.strings)
        return Btf(path)


def test_given_one_name_of_several_kinds_when_looked_up_then_the_kind_decides(tmp_path):
    file = File()
    sock, mark = file.name("sock"), file.name("mark")
    file.add(file.name("int"), INT, 0, 4, 0)
    file.add(0, PROTO, 0, 1)
    file.add(sock, FUNCTION, 0, 2)
    file.add(sock, STRUCT, 1, 8, mark, 1, 32)
    btf = file.write(tmp_path / "btf")
    assert btf.function_ids(["sock", "mark", "missing"]) == {"sock": 3}
    assert btf.offset("sock", "mark") == 4
    assert btf.offset("sock", "sock") is None
    assert btf.offset("missing", "mark") is None


def test_given_two_names_whose_numbers_hold_a_third_between_them_when_looked_up_then_it_is_not_found(
    tmp_path,
):
    """Names are searched as bytes: only whole words count."""
    file = File()
    file.strings = bytearray(0x0203)
    file.strings[0x0200:0x0203] = b"\0x\0"
    file.add(0x0100_0000, FUNCTION, 0, 4)
    file.add(0x0000_0002, INT, 0, 4, 0)  # bytes of both: 00 00 00 [01 02 00 00] 00
    file.add(0x0000_0201, STRUCT, 0, 4)
    assert file.write(tmp_path / "btf").bit_offset("x", "y") is None
    file.add(0, PROTO, 0, 0)
    file.add(0x0000_0201, FUNCTION, 0, 4)
    assert file.write(tmp_path / "btf").function_ids(["x"]) == {"x": 5}


def test_given_no_type_information_when_read_then_the_error_names_what_the_kernel_needs(tmp_path):
    with pytest.raises(BtfError, match="CONFIG_DEBUG_INFO_BTF"):
        Btf(tmp_path / "missing")
