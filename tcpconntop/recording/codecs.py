"""Compression of payloads: zlib, which every Python has, or zstd, if the package zstandard is installed."""

from __future__ import annotations

import zlib
from typing import Any

from tcpconntop.core.errors import FatalError

CODECS = {"none": 0, "zlib": 1, "zstd": 2}
"""Number in the file format by name on the command line."""

_LEVEL = 1  # of both codecs: higher levels cost many times the CPU and save only a few per cent


def compress(codec: int, data: bytes) -> bytes:
    """Return the compressed payload.

    Raises:
        FatalError: the codec is not installed.
    """
    if codec == CODECS["zlib"]:
        return zlib.compress(data, _LEVEL)
    if codec == CODECS["zstd"]:
        compressed: bytes = import_zstandard().ZstdCompressor(_LEVEL).compress(data)
        return compressed
    return data


def decompress(codec: int, data: bytes, size: int) -> bytes:
    """Return the decompressed payload, which must be `size` bytes long.

    Raises:
        ValueError: the data is damaged, has another length, or the codec is unknown.
        FatalError: the codec is not installed.
    """
    if codec == CODECS["zlib"]:
        try:
            raw = zlib.decompressobj().decompress(data, size + 1)
        except zlib.error as error:
            raise ValueError(str(error)) from None
    elif codec == CODECS["zstd"]:
        try:
            raw = import_zstandard().ZstdDecompressor().decompress(data, max_output_size=size)
        except import_zstandard().ZstdError as error:
            raise ValueError(str(error)) from None
    elif codec == CODECS["none"]:
        raw = data
    else:
        raise ValueError(f"unknown codec {codec}")
    if len(raw) != size:
        raise ValueError(f"{len(raw)} bytes instead of {size}")
    return raw


def import_zstandard() -> Any:
    """Return the module `zstandard`.

    Raises:
        FatalError: the package is not installed.
    """
    try:
        import zstandard
    except ImportError:
        raise FatalError("zstd needs the package zstandard: pip install 'tcpconntop[zstd]'") from None
    return zstandard
