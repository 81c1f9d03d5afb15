"""Where the loader looks for BCC, and which packages it rejects."""

from __future__ import annotations

import sys

import pytest

from tcpconntop.kernel.launch import PYTHON_VARIABLE, interpreters
from tcpconntop.kernel.loader import find_bcc


@pytest.fixture(autouse=True)
def forget_bcc(monkeypatch):
    monkeypatch.delitem(sys.modules, "bcc", raising=False)


def package(folder, *modules, code=""):
    (folder / "bcc").mkdir(parents=True)
    (folder / "bcc" / "__init__.py").write_text(code)
    for module in modules:
        (folder / "bcc" / f"{module}.py").touch()
    return str(folder)


def test_given_several_pythons_then_the_distributions_come_first_and_last(tmp_path, monkeypatch):
    monkeypatch.delenv(PYTHON_VARIABLE, raising=False)
    for name in ("python3.9", "python3.13", "python3.13-config", "python3"):
        (tmp_path / name).touch()
    others = [str(tmp_path / name) for name in ("python3.13", "python3.9")]
    assert list(interpreters(tmp_path)) == ["/usr/bin/python3", sys.executable, *others]


def test_given_a_python_in_the_environment_then_no_other_is_tried(monkeypatch):
    monkeypatch.setenv(PYTHON_VARIABLE, "/opt/python")
    assert interpreters() == ("/opt/python",)


def test_given_the_unrelated_package_then_it_is_named_and_never_imported(tmp_path, capsys):
    folder = package(tmp_path, "bcc", code="raise SystemExit('imported')")
    assert find_bcc([folder]) is None
    assert f"{tmp_path}/bcc is PyPI's bcc, an unrelated program" in capsys.readouterr().err


def test_given_the_unrelated_package_before_the_real_one_then_the_real_one_is_found(tmp_path):
    unrelated = package(tmp_path / "a")
    real = package(tmp_path / "b", "libbcc", code="from bcc import libbcc\nBPF = libbcc.__name__")
    assert find_bcc([str(tmp_path), unrelated, real]).BPF == "bcc.libbcc"


def test_given_a_broken_installation_then_the_next_folder_is_tried(tmp_path, capsys):
    broken = package(tmp_path / "a", "libbcc", code="raise OSError('libbcc.so.0: no such file')")
    real = package(tmp_path / "b", "libbcc", code="BPF = 1")
    assert find_bcc([broken, real]).BPF == 1
    assert "libbcc.so.0: no such file" in capsys.readouterr().err
    assert find_bcc([broken]) is None
