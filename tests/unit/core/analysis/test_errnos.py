"""The outcome that user space gives an errno against what the kernel side makes of it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tcpconntop.core.analysis.errnos import outcome_of_errno

BPF = Path(__file__).parents[4] / "bpf"

PROGRAM = """
#include <linux/types.h>
#include <stdint.h>
#include <stdio.h>
typedef uint8_t u8; typedef uint16_t u16;
#undef __always_inline
#define __always_inline inline
#include "outcome.h"
int main(void)
{
    for (int error = 1; error < 134; error++)
        printf("%d\\n", outcome_of_error(error));
    return 0;
}
"""


def test_given_an_errno_then_both_sides_call_it_the_same(tmp_path: Path) -> None:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if not compiler:
        pytest.skip("no C compiler: the outcomes of bpf/outcome.h are not checked")
    (tmp_path / "outcomes.c").write_text(PROGRAM)
    command = [compiler, "-Werror", "-I", str(BPF), "-o", "outcomes", "outcomes.c"]
    subprocess.run(command, cwd=tmp_path, check=True)
    told = subprocess.run([tmp_path / "outcomes"], capture_output=True, check=True, text=True).stdout
    assert [int(line) for line in told.split()] == [outcome_of_errno(errno) for errno in range(1, 134)]
