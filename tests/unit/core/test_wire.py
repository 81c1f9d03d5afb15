"""The numpy dtypes against the structs that a C compiler makes of `bpf/event.h`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tcpconntop.core.limits import FILTER_LIST_MAX
from tcpconntop.core.wire import (
    COMM_LEN,
    COUNTERS,
    EVENT,
    NETNS_COUNTERS,
    NETNS_SLOTS,
    SETTINGS,
    Outcome,
)

HEADER = Path(__file__).parents[3] / "bpf" / "event.h"
MIRRORS = {"event": EVENT, "counters": COUNTERS, "netns_counters": NETNS_COUNTERS, "settings": SETTINGS}

PROGRAM = """
#include <linux/types.h>
#include <stddef.h>
#include <stdio.h>
#include "{header}"
#define FIELD(type, field) \\
    printf("%s %zu %zu\\n", #type "." #field, offsetof(struct type, field), \\
           sizeof(((struct type *)0)->field));
#define VALUE(name) printf("%s %d\\n", #name, (int)name);
int main(void) {{
{prints}
    return 0;
}}
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[int]]:
    """Return offset and size of every field, size of every struct, value of every constant, as C has them."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if not compiler:
        pytest.skip("no C compiler: the mirror of bpf/event.h is not checked")
    prints = [f"FIELD({name}, {field})" for name, dtype in MIRRORS.items() for field in dtype.names or ()]
    prints += [f'printf("{name} %zu\\n", sizeof(struct {name}));' for name in MIRRORS]
    prints += [f"VALUE(OUTCOME_{outcome.name})" for outcome in Outcome]
    prints += [f"VALUE({name})" for name in ("OUTCOME_COUNT", "COMM_LEN", "FILTER_LIST_MAX", "NETNS_SLOTS")]
    folder = tmp_path_factory.mktemp("wire")
    (folder / "wire.c").write_text(PROGRAM.format(header=HEADER, prints="\n".join(prints)))
    subprocess.run([compiler, "-Wall", "-Werror", "-Wpadded", "-o", "wire", "wire.c"], cwd=folder, check=True)
    lines = subprocess.run([folder / "wire"], capture_output=True, check=True, text=True).stdout.splitlines()
    return {name: [int(word) for word in rest] for name, *rest in map(str.split, lines)}


@pytest.mark.parametrize("name", MIRRORS)
def test_fields(name: str, compiled: dict[str, list[int]]) -> None:
    """Every field has the offset that it has in C, and no byte of the struct is left over."""
    dtype = MIRRORS[name]
    mirrored = {field: [offset, kind.itemsize] for field, (kind, offset, *_) in dtype.fields.items()}
    assert mirrored == {
        key.split(".")[1]: value for key, value in compiled.items() if key.startswith(f"{name}.")
    }
    assert compiled[name] == [dtype.itemsize]
    assert sum(kind.itemsize for kind, *_ in dtype.fields.values()) == dtype.itemsize


def test_outcomes(compiled: dict[str, list[int]]) -> None:
    assert {outcome.name: compiled[f"OUTCOME_{outcome.name}"] for outcome in Outcome} == {
        outcome.name: [outcome.value] for outcome in Outcome
    }
    assert compiled["OUTCOME_COUNT"] == [len(Outcome)]


def test_constants(compiled: dict[str, list[int]]) -> None:
    assert compiled["COMM_LEN"] == [COMM_LEN]
    assert compiled["FILTER_LIST_MAX"] == [FILTER_LIST_MAX]
    assert compiled["NETNS_SLOTS"] == [NETNS_SLOTS]


def test_records_fill_the_ring_buffers_strides() -> None:
    """The kernel pads records to 8 bytes; the reader's stride assumes that ours need no padding."""
    assert EVENT.itemsize % 8 == 0
    assert np.dtype(EVENT).alignment == 1
