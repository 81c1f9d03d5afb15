"""The screen as SVG.

Rich draws blocks as letters, with seams between them, and wide characters shift what follows. Here a block is
a rectangle on the grid of cells, and each run of text begins in the cell where it begins on the screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import groupby

from rich.cells import cell_len
from rich.color import Color, blend_rgb
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import SVG_EXPORT_THEME

from tcpconntop.core.format import printable

CELL_WIDTH, CELL_HEIGHT, FONT_SIZE = 9, 18, 15
BASELINE, MARGIN = 14, 12
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"
THIN = 2
"""Thickness of the thickest line, in pixels of the picture's own size."""

DIM = 0.4
"""How far the colour of dim text goes towards its background."""

Box = tuple[float, float, float, float, float]
"""A part of a cell: left, top, width and height as shares of it, and opacity."""

_EIGHTHS_UP, _EIGHTHS_RIGHT, _QUARTERS = "▁▂▃▄▅▆▇█", "▏▎▍▌▋▊▉", "▖▗▘▙▚▛▜▝▞▟"
_QUADRANTS = ((0, 0.5), (0.5, 0.5), (0, 0), (0.5, 0))
_QUARTER_PARTS = ("0", "1", "2", "012", "12", "023", "123", "3", "03", "013")
BLOCKS: dict[str, tuple[Box, ...]] = {
    **{char: ((0, 1 - n / 8, 1, n / 8, 1),) for n, char in enumerate(_EIGHTHS_UP, 1)},
    **{char: ((0, 0, n / 8, 1, 1),) for n, char in enumerate(_EIGHTHS_RIGHT, 1)},
    **{char: ((0, 0, 1, 1, n / 4),) for n, char in enumerate("░▒▓", 1)},
    **{
        char: tuple((*_QUADRANTS[int(part)], 0.5, 0.5, 1) for part in parts)
        for char, parts in zip(_QUARTERS, _QUARTER_PARTS, strict=True)
    },
    "▀": ((0, 0, 1, 0.5, 1),),
    "▐": ((0.5, 0, 0.5, 1, 1),),
    "▔": ((0, 0, 1, 1 / 8, 1),),
    "▕": ((7 / 8, 0, 1 / 8, 1, 1),),
    "─": ((0, 8 / 18, 1, 1 / 18, 1),),
    "━": ((0, 8 / 18, 1, 2 / 18, 1),),
    "│": ((4 / 9, 0, 1 / 9, 1, 1),),
    "┃": ((4 / 9, 0, 2 / 9, 1, 1),),
}
"""The parts of a cell that a character fills, for those that are drawn as rectangles."""


@dataclass
class SvgStyles:
    """Classes for the text of one file: the same colour and weight have one class."""

    names: dict[str, str] = field(default_factory=dict)

    def name(self, declarations: str) -> str:
        """Return the class that has these declarations."""
        return self.names.setdefault(declarations, f"s{len(self.names)}")

    def sheet(self) -> str:
        """Return the style sheet."""
        font = f"text{{font-family:{FONTS};font-size:{FONT_SIZE}px;white-space:pre}}"
        return font + "".join(f".{name}{{{text}}}" for text, name in self.names.items())


def svg_picture(lines: Sequence[Iterable[Segment]], width: int, title: str) -> str:
    """Return a file with the lines of a screen that is `width` cells wide."""
    styles = SvgStyles()
    rows = [
        f'<g transform="translate({MARGIN} {MARGIN + y * CELL_HEIGHT})">{part}</g>'
        for y, part in enumerate(svg_line(line, styles) for line in lines)
        if part
    ]
    return svg_file(rows, styles.sheet(), (width, len(lines)), title, _colour(None, background=True))


def svg_file(parts: Iterable[str], sheet: str, cells: tuple[int, int], title: str, ground: str) -> str:
    """Return a file of parts with a style sheet; `cells` are its columns and lines, without the margin."""
    width, height = cells[0] * CELL_WIDTH + 2 * MARGIN, cells[1] * CELL_HEIGHT + 2 * MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve"'
            f' viewBox="0 0 {width} {height}" width="{width}">',
            f"<title>{escape(printable(title))}</title>",
            f"<style>{sheet}</style>",
            f'<rect width="{width}" height="{height}" rx="8" fill="{ground}"/>',
            *parts,
            "</svg>\n",
        ]
    )


def svg_line(line: Iterable[Segment], styles: SvgStyles) -> str:
    """Return one line at the origin: first the backgrounds, then the blocks and the text."""
    backgrounds: list[str] = []
    marks: list[str] = []
    for x, text, style in _runs(line):
        fore, back = _colours(style)
        width = cell_len(text)
        if style.bgcolor is not None or style.reverse:
            backgrounds.append(_rect(x, 0, width, 1, back))
        for at, piece in _pieces(text):
            if piece[0] in BLOCKS:
                marks += _block(x + at, piece, fore)
            elif piece.strip() or style.underline:
                marks.append(_text(x + at, piece, fore, style, styles))
    return "".join([*backgrounds, *marks])


def _runs(line: Iterable[Segment]) -> Iterator[tuple[int, str, Style]]:
    """Yield the column, text and style of what has one style."""
    x = 0
    shown = (segment for segment in line if not segment.control)
    for style, segments in groupby(shown, key=lambda segment: segment.style or Style.null()):
        text = "".join(segment.text for segment in segments).rstrip("\n")
        yield x, text, style
        x += cell_len(text)


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Yield column and text of pieces: one block several times, text, or a single wide character."""
    x = 0
    for _, chars in groupby(text, key=lambda char: char if char in BLOCKS else cell_len(char) > 1):
        piece = "".join(chars)
        if cell_len(piece[0]) > 1:
            for char in piece:
                yield x, char
                x += cell_len(char)
        else:
            yield x, piece
            x += cell_len(piece)


def _block(x: int, blocks: str, colour: str) -> Iterator[str]:
    """Yield the rectangles of a block that comes several times; where it fills the width, it is one."""
    for left, top, width, height, opacity in BLOCKS[blocks[0]]:
        if width == 1:
            yield _rect(x, top, len(blocks), height, colour, opacity)
        else:
            for n in range(len(blocks)):
                yield _rect(x + n + left, top, width, height, colour, opacity)


def _rect(x: float, y: float, width: float, height: float, colour: str, opacity: float = 1) -> str:
    box = (x * CELL_WIDTH, y * CELL_HEIGHT, width * CELL_WIDTH, height * CELL_HEIGHT)
    numbers = " ".join(
        f'{name}="{value:g}"' for name, value in zip(("x", "y", "width", "height"), box, strict=True)
    )
    shade = f' opacity="{opacity:g}"' if opacity != 1 else ""
    # On the grid of a smaller picture, a line as thin as a pixel could fall between two pixels and vanish.
    edges = "" if min(box[2:]) <= THIN else ' shape-rendering="crispEdges"'
    return f'<rect {numbers} fill="{colour}"{shade}{edges}/>'


def _text(x: int, text: str, colour: str, style: Style, styles: SvgStyles) -> str:
    declarations = f"fill:{colour}"
    declarations += ";font-weight:bold" * bool(style.bold) + ";font-style:italic" * bool(style.italic)
    declarations += ";text-decoration:underline" * bool(style.underline)
    if not style.underline:
        text = text.rstrip()
        x += len(text) - len(text.lstrip())
        text = text.lstrip()
    return (
        f'<text class="{styles.name(declarations)}" x="{x * CELL_WIDTH}" y="{BASELINE}"'
        f' textLength="{cell_len(text) * CELL_WIDTH}">{escape(printable(text))}</text>'
    )


def _colours(style: Style) -> tuple[str, str]:
    """Return the colours of text and background."""
    fore, back = _colour(style.color), _colour(style.bgcolor, background=True)
    if style.reverse:
        fore, back = back, fore
    if style.dim:
        fore = blend_rgb(Color.parse(fore).get_truecolor(), Color.parse(back).get_truecolor(), DIM).hex
    return fore, back


def _colour(colour: Color | None, *, background: bool = False) -> str:
    if colour is None or colour.is_default:
        theme = SVG_EXPORT_THEME
        return (theme.background_color if background else theme.foreground_color).hex
    return colour.get_truecolor(SVG_EXPORT_THEME, foreground=not background).hex
