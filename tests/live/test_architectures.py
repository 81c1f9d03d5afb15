"""The BPF program compiles for every supported architecture, though only this one can load it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tcpconntop.kernel.attach import PROBE_SETS
from tcpconntop.kernel.btf import Btf
from tcpconntop.kernel.job import bpf_folder, map_sizes
from tcpconntop.kernel.program_numbers import numbers_from_btf

pytestmark = pytest.mark.compiles

# Print for each program the offsets of the 64-bit words that it loads; those of its context come first.
SCRIPT = """
import json, os, struct, sys
sys.path.append(sys.argv[1])
import bcc
from tcpconntop.kernel.bcc_programs import compile_program

job = json.load(sys.stdin)
module = compile_program(bcc, job)
code = {name: module.dump_func(name.encode()) for name in job["programs"]}
print(json.dumps({name: [struct.unpack_from("=BBhi", c, 8 * n)[2] for n in range(len(c) // 8)
                         if struct.unpack_from("=BB", c, 8 * n)[0] == 0x79] for name, c in code.items()}))
"""
PROGRAMS = {probe.program for groups in PROBE_SETS.values() for group in groups for probe in group.probes}
ARGUMENTS = {"x86": [112, 104, 96], "arm64": [0, 8, 16]}
RESULTS = {"x86": 80, "arm64": 0}


@pytest.mark.long  # `make image` compiles both
@pytest.mark.parametrize("transport", ["ring", "perf"])
@pytest.mark.parametrize("architecture", ["x86", "arm64"])
def test_the_program_compiles_and_reads_the_right_registers(architecture: str, transport: str) -> None:
    """Kprobes read the argument and result registers where the architecture has them."""
    job = {
        "folder": str(bpf_folder()),
        "sizes": map_sizes(5),
        "numbers": numbers_from_btf(Btf()),
        "transport": transport,
        "programs": sorted(PROGRAMS),
    }
    done = subprocess.run(
        ["/usr/bin/python3", "-Ic", SCRIPT, str(Path(__file__).parents[2])],
        input=json.dumps(job).encode(),
        env={**os.environ, "ARCH": architecture},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    loads = json.loads(done.stdout)
    assert sorted(loads["tct_kprobe_v4_connect"][:3]) == sorted(ARGUMENTS[architecture])
    assert loads["tct_kprobe_sent"][0] == ARGUMENTS[architecture][0]
    assert loads["tct_kprobe_returns"][0] == RESULTS[architecture]
