"""Locales that are not UTF-8: data is UTF-8 all the same, and text for people keeps its meaning."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from pseudo_terminal import REPLAY, on_terminal
from recordings import Scenario, record

from tcpconntop.commands.transliterate import SIGNS, TRANSLITERATE
from tcpconntop.core.format import EIGHTHS
from tcpconntop.core.wire import Events
from tcpconntop.kernel.launch import PYTHON_VARIABLE

pytestmark = pytest.mark.xdist_group("locales")

TCPCONNTOP = [sys.executable, "-m", "tcpconntop"]
LOCALES = {"en_US": "ISO-8859-1", "ru_RU": "KOI8-R", "ja_JP": "EUC-JP"}
NAME = "naïve-中"
ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


class Named(Scenario):
    """A source whose processes have a name that other encodings do not have, or have in other bytes."""

    def read(self, timeout_s: float) -> Events:
        events = super().read(timeout_s)
        events["comm"] = NAME.encode()
        return events


@cache
def locale_folder(parent: Path, name: str) -> Path:
    """Return a folder with a locale of `LOCALES`; skip without its sources."""
    folder = parent / f"locale-{name}"
    folder.mkdir()
    command = ["localedef", "-i", name, "-f", LOCALES[name], folder / name]
    try:
        subprocess.run(command, check=False, capture_output=True)
    except FileNotFoundError:
        pytest.skip("not run: localedef is not installed")
    if not (folder / name).exists():
        pytest.skip("not run: the sources of locales are not installed (Debian: package locales)")
    return folder


@pytest.fixture(
    params=["ja_JP", *(pytest.param(name, marks=pytest.mark.long) for name in ("C", "en_US", "ru_RU"))]
)
def environment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a locale that is not UTF-8."""
    if request.param == "C":
        return os.environ | ASCII
    folder = locale_folder(tmp_path_factory.getbasetemp(), request.param)
    return os.environ | {"LOCPATH": str(folder), "LC_ALL": request.param, "PYTHONUTF8": "0"}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("locales") / "r"
    record(path, Scenario(3))
    return path


def run(words: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    """Return what a command has printed: it runs once for each locale, and `doctor` has no BCC."""
    same = {name: value for name, value in environment.items() if name != "PYTEST_CURRENT_TEST"}
    return _run_once(tuple(words), tuple(sorted({**same, PYTHON_VARIABLE: sys.executable}.items())))


@cache
def _run_once(
    words: tuple[str, ...], environment: tuple[tuple[str, str], ...]
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*TCPCONNTOP, *words], check=False, capture_output=True, timeout=60, env=dict(environment)
    )


def test_the_locales_are_not_utf_8(environment: dict[str, str]) -> None:
    """Precondition of the other tests."""
    command = [sys.executable, "-c", "import sys; print(sys.stdout.encoding)"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    assert "utf" not in done.stdout.lower()


@pytest.mark.parametrize(
    "words",
    [
        *("--help", "check --help", "FILE -b", "FILE log"),
        *(pytest.param(words, marks=pytest.mark.long) for words in ("completion zsh", "doctor")),
    ],
)
def test_text_for_people_is_written(words: str, file: Path, environment: dict[str, str]) -> None:
    command = {"FILE -b": ["replay", str(file), "-b"], "FILE log": ["log", "--replay", str(file)]}
    done = run(command.get(words, words.split()), environment)
    assert b"Traceback" not in done.stderr
    assert done.stdout
    assert done.returncode in ((0,) if words != "doctor" else (0, 3, 4))


def test_a_microsecond_stays_one(file: Path, environment: dict[str, str]) -> None:
    """GIVEN latencies in µs WHEN the encoding has no µ THEN they are in us: never in s."""
    utf_8 = run(["replay", str(file), "-b"], os.environ | {"LC_ALL": "C.UTF-8"}).stdout.decode()
    done = run(["replay", str(file), "-b"], environment)
    charset = LOCALES.get(environment["LC_ALL"], "ascii")
    text = done.stdout.decode(charset)
    assert "µs" in utf_8
    assert text == utf_8.encode(charset, TRANSLITERATE).decode(charset)
    assert text.count("us") + text.count("µs") == utf_8.count("us") + utf_8.count("µs")


def test_an_assertion_that_holds_is_no_failure(file: Path, environment: dict[str, str]) -> None:
    done = run(["check", "--replay", str(file), "--assert", "p99<3600s"], environment)
    assert done.returncode == 0, done.stderr


@cache
def in_utf_8(words: tuple[str, ...]) -> subprocess.CompletedProcess[bytes]:
    return run([*words], os.environ | {"LC_ALL": "C.UTF-8"})


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("named") / "r"
    record(path, Named(1))
    return path


def test_data_is_utf_8(named: Path, environment: dict[str, str], long: bool) -> None:
    """GIVEN another encoding WHEN data with a name is written THEN every byte is as with UTF-8."""
    like_others = (
        ["export", str(named), "--format", "jsonl"],
        ["replay", str(named), "-b", "--json"],
        ["check", "--replay", str(named), "--assert", "p99<3600s", "--json"],
    )
    for words in (
        ["export", str(named), "--format", "csv"],
        ["log", "--replay", str(named), "--json"],
        *(like_others if long else ()),
    ):
        expected = in_utf_8(tuple(words))
        done = run(words, environment)
        assert (done.returncode, done.stdout) == (expected.returncode, expected.stdout), words
        text = done.stdout.decode()
        assert NAME in text or words[0] in ("replay", "check")
        rows = (
            list(csv.reader(text.splitlines())) if "csv" in words else [*map(json.loads, text.splitlines())]
        )
        assert rows


def test_an_error_with_a_file_name_is_one_line(environment: dict[str, str]) -> None:
    done = run(["replay", os.fsencode(f"/nonexistent/{NAME}\udcff"), "-b"], environment)  # type: ignore[list-item]
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert done.stderr.startswith(b"tcpconntop: cannot read /nonexistent/na")


def test_the_dashboard_says_why_it_does_not_start(environment: dict[str, str]) -> None:
    names = ("LC_ALL", "LOCPATH", "PYTHONUTF8", "PYTHONCOERCECLOCALE")
    with on_terminal(
        REPLAY, **{name: environment[name] for name in names if name in environment}
    ) as terminal:
        assert terminal.end() == 2
        assert terminal.text().startswith("tcpconntop: the dashboard draws in UTF-8, and the locale here is ")
        assert terminal.text().count("\n") == 1
        assert terminal.modes() == set()


def test_the_encoding_of_python_counts(file: Path) -> None:
    done = run(["replay", str(file), "-b"], os.environ | {"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert b"us" in done.stdout


def test_the_c_locale_alone_draws_in_utf_8() -> None:
    """GIVEN LC_ALL=C, as in containers and services WHEN Python takes it for UTF-8 THEN so do we."""
    with on_terminal(REPLAY, LC_ALL="C") as terminal:
        terminal.until("µs")
        terminal.press("q")
        assert terminal.end() == 0


def test_every_sign_has_a_form_of_its_own() -> None:
    """GIVEN our signs WHEN they are transliterated THEN it is in ASCII, and the bars stay apart."""
    assert all(form.isascii() and form for form in SIGNS.values())
    assert "".join(SIGNS.values()).encode("ascii")
    assert len({SIGNS[bar] for bar in EIGHTHS}) == len(EIGHTHS)


def test_other_characters_are_escaped() -> None:
    assert NAME.encode("ascii", TRANSLITERATE) == rb"na\xefve-\u4e2d"
    assert "\udcff\U0001f600".encode("utf-8", TRANSLITERATE) == b"\\xff\xf0\x9f\x98\x80"
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("ascii", TRANSLITERATE)
