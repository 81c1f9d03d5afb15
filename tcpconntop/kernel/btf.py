"""Read offsets of kernel struct members from the running kernel's type information (BTF).

Only what the BPF program needs: offsets of a few members, and the number of arguments of a tracepoint. The
format is described in the kernel's Documentation/bpf/btf.rst. Only the standard library.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Sequence
from pathlib import Path

VMLINUX = Path("/sys/kernel/btf/vmlinux")

_MAGIC = 0xEB9F
# Magic, version, flags, header size; offset and size of the types; offset and size of the strings.
_HEADER = struct.Struct("=HBBIIIII")
# A type starts with three 32-bit words: offset of its name; bits 0-15 number of members, 24-28 kind, 31 flag;
# its size, or the number of the type that it refers to.
_POINTER, _ARRAY, _STRUCT, _UNION, _ENUM, _TYPEDEF, _PROTO, _DATASEC, _ENUM64 = 2, 3, 4, 5, 6, 8, 13, 15, 19
_VOLATILE, _CONST, _FUNCTION = 9, 10, 12
# 32-bit words after a type's first three, by kind: (fixed, for each member).
_TRAILING = {1: (1, 0), _ARRAY: (3, 0), _STRUCT: (0, 3), _UNION: (0, 3), _ENUM: (0, 2), _PROTO: (0, 2),
             14: (1, 0), _DATASEC: (0, 3), 17: (1, 0), _ENUM64: (0, 3)}  # fmt: skip


class BtfError(Exception):
    """The kernel has no usable type information."""


class Btf:
    """The kernel's types. Reading takes about 0.1 s: do it once, and keep only the offsets.

    Raises:
        BtfError: there is no BTF, or its format is unknown.
    """

    def __init__(self, path: Path = VMLINUX) -> None:
        try:
            raw = path.read_bytes()
            magic, _, _, header, types, types_size, strings, strings_size = _HEADER.unpack_from(raw)
        except (OSError, struct.error) as error:
            raise BtfError(
                f"no kernel type information in {path}: CONFIG_DEBUG_INFO_BTF is needed"
            ) from error
        if magic != _MAGIC:
            raise BtfError(f"{path} is not BTF of this machine's byte order")
        self._words = array("I", raw[header + types : header + types + types_size])
        self._strings = raw[header + strings : header + strings + strings_size]
        self._starts, names = self._index()
        self._names = names.tobytes()
        self._type_ids: dict[tuple[int, str], int | None] = {}

    def offset(self, struct_name: str, path: str) -> int | None:
        """Return the byte offset of the member at the dotted `path` of a struct; None if it has none."""
        bits = self.bit_offset(struct_name, path)
        return None if bits is None else bits // 8

    def bit_offset(self, struct_name: str, path: str) -> int | None:
        """Return the same in bits, for a bit field; the least significant bit of a byte is its first."""
        type_id = self._find(_STRUCT, struct_name)
        total = 0
        for name in path.split("."):
            member = self._member(type_id, self._name_offset(name)) if type_id else None
            if member is None:
                return None
            type_id, bits = member
            total += bits
        return total

    def count_tracepoint_args(self, name: str) -> int | None:
        """Return the number of arguments of a raw tracepoint; None if this kernel has no such tracepoint."""
        typedef = self._find(_TYPEDEF, f"btf_trace_{name}")
        if typedef is None:
            return None
        pointer = self._words[self._starts[typedef] + 2]
        prototype = self._words[self._starts[pointer] + 2]
        arguments = self._words[self._starts[prototype] + 1] & 0xFFFF
        return arguments - 1  # the first one is the probe's own data

    def function_ids(self, names: Sequence[str]) -> dict[str, int]:
        """Return the BTF numbers of kernel functions; those that this kernel lacks are left out."""
        found = {name: self._find(_FUNCTION, name) for name in names}
        return {name: type_id for name, type_id in found.items() if type_id}

    def _index(self) -> tuple[array[int], array[int]]:
        """Return the position of each type in words, and the offset of its name, indexed by its number."""
        words, position, end = self._words, 0, len(self._words)
        starts, names = array("I", [0]), array("I", [0])
        fixed = [0] * 32
        each = [0] * 32
        for kind, (always, per_member) in _TRAILING.items():
            fixed[kind], each[kind] = always, per_member
        add_start, add_name = starts.append, names.append
        while position < end:
            add_start(position)
            add_name(words[position])
            info = words[position + 1]
            kind = info >> 24 & 31
            position += 3 + fixed[kind] + each[kind] * (info & 0xFFFF)
        return starts, names

    def _name_offset(self, name: str) -> int:
        """Return the offset of a whole name in the string table; -1 if no type and no member has it."""
        return self._strings.find(b"\0" + name.encode() + b"\0") + 1 or -1

    def _find(self, kind: int, name: str) -> int | None:
        """Return the number of the type of this kind and name; None if there is none."""
        if (kind, name) not in self._type_ids:
            self._type_ids[kind, name] = self._search(kind, self._name_offset(name))
        return self._type_ids[kind, name]

    def _search(self, kind: int, name_offset: int) -> int | None:
        """Return the same by the offset of its name. Bytes are searched 50 times as fast as in a loop."""
        wanted, position = name_offset.to_bytes(4, sys.byteorder, signed=True), 3
        while (position := self._names.find(wanted, position + 1)) >= 0:
            type_id, between = divmod(position, 4)
            if not between and self._words[self._starts[type_id] + 1] >> 24 & 31 == kind:
                return type_id
        return None

    def _member(self, type_id: int, name_offset: int) -> tuple[int, int] | None:
        """Return type and bit offset of a member, also of one in an anonymous struct; None if missing."""
        words = self._words
        start = self._starts[self._skip_typedefs(type_id)]
        info = words[start + 1]
        if info >> 24 & 31 not in (_STRUCT, _UNION):
            return None
        for position in range(start + 3, start + 3 + 3 * (info & 0xFFFF), 3):
            name, member_type, bits = words[position : position + 3]
            if info >> 31:  # with the flag, the upper byte is the size of a bit field
                bits &= 0xFFFFFF
            if name == name_offset:
                return member_type, bits
            if name == 0 and (inner := self._member(member_type, name_offset)):
                return inner[0], bits + inner[1]
        return None

    def _skip_typedefs(self, type_id: int) -> int:
        """Return the number of the type behind typedefs and qualifiers."""
        while self._words[self._starts[type_id] + 1] >> 24 & 31 in (_TYPEDEF, _VOLATILE, _CONST):
            type_id = self._words[self._starts[type_id] + 2]
        return type_id
