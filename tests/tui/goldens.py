"""Screens as text: what a screen shows, and in which styles, compared with files in the folder `screens`.

Each screen has two files: `screens/NAME.txt` is its text. `screens/styles/NAME.txt` is a picture of the same
size in which each cell holds the letter of its style; the list of the letters is below it. `make goldens`
writes both anew.
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from textual.app import App
from textual.strip import Strip

SCREENS = Path(__file__).parent / "screens"
COMMONEST = "·"
"""The letter of the style that most cells of a screen have."""
LETTERS = string.ascii_lowercase + string.ascii_uppercase + string.digits
"""The letters of the other styles, in the order in which they appear."""


@dataclass(frozen=True)
class Captured:
    """A screen: the text of its lines, and the picture of its styles."""

    text: str
    styles: str

    def files(self, name: str) -> dict[Path, str]:
        """Return the content of the files of a screen by their paths."""
        return {SCREENS / f"{name}.txt": self.text, SCREENS / "styles" / f"{name}.txt": self.styles}


def capture(app: App[object]) -> Captured:
    """Return what is on the screen of an app, to the cell."""
    strips = app.screen._compositor.render_strips()
    width, height = app.size
    assert [strip.cell_length for strip in strips] == [width] * height
    return Captured(_text(strip.text.rstrip() for strip in strips), _styles(strips))


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _styles(strips: list[Strip]) -> str:
    """Return a picture with a letter for the style of each cell, and below it the list of the letters."""
    cells = Counter[str]()
    for segment in (segment for strip in strips for segment in strip):
        cells[str(segment.style)] += segment.cell_length
    [(commonest, _)] = cells.most_common(1)
    others = [style for style in cells if style != commonest]
    letters = {commonest: COMMONEST} | dict(zip(others, LETTERS, strict=False))
    assert letters.keys() == cells.keys(), "there are more styles than letters"
    picture = ("".join(letters[str(part.style)] * part.cell_length for part in strip) for strip in strips)
    return _text([*picture, "", *(f"{letter} {style}" for style, letter in letters.items())])


def check(name: str, shown: Captured, update: bool) -> None:
    """Compare a screen with its files. Write the files instead where `update` is set."""
    for file, content in shown.files(name).items():
        if update:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
        assert file.exists(), f"{file} is missing: `make goldens` writes it"
        expected = file.read_text(encoding="utf-8")
        # As lists of lines: pytest shows the lines that differ.
        assert content.splitlines() == expected.splitlines(), f"{file} differs; `make goldens` writes it"
        assert content == expected
