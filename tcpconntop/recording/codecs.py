"""How the payloads of a recording are packed: zlib, which every Python has, or zstd where it is installed."""

from __future__ import annotations

import zlib
from typing import Any

from tcpconntop.core.errors import FatalError

CODECS = {"none": 0, "zlib": 1, "zstd": 2}
"""By the name on the command line."""

_LEVEL = 1  # of both: the higher ones cost many times the CPU for some per cent of the size


def compress(codec: int, data: bytes) -> bytes:
    """Pack a payload.

    Raises:
        FatalError: the codec is not installed.
    """
    if codec == CODECS["zlib"]:
        return zlib.compress(data, _LEVEL)
    if codec == CODECS["zstd"]:
        packed: bytes = import_zstandard().ZstdCompressor(_LEVEL).compress(data)
        return packed
    return data


def decompress(codec: int, data: bytes, size: int) -> bytes:
    """Unpack a payload that is `size` bytes long.

    Raises:
        ValueError: it is not, or is damaged.
        FatalError: the codec is not installed.
    """
    if codec == CODECS["zlib"]:
        try:
            unpacked = zlib.decompressobj().decompress(data, size + 1)
        except zlib.error as error:
            raise ValueError(str(error)) from None
    elif codec == CODECS["zstd"]:
        try:
            unpacked = import_zstandard().ZstdDecompressor().decompress(data, max_output_size=size)
        except import_zstandard().ZstdError as error:
            raise ValueError(str(error)) from None
    elif codec == CODECS["none"]:
        unpacked = data
    else:
        raise ValueError(f"there is no codec {codec}")
    if len(unpacked) != size:
        raise ValueError(f"{len(unpacked)} bytes instead of {size}")
    return unpacked


def import_zstandard() -> Any:
    """Give the zstandard package.

    Raises:
        FatalError: it is not installed.
    """
    try:
        import zstandard
    except ImportError:
        raise FatalError("zstd needs the zstandard package: pip install 'tcpconntop[zstd]'") from None
    return zstandard
