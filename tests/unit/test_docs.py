"""What is generated in docs/: keys and findings; and that every link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.keys import format_key

from tcpconntop.core.analysis.explain import KINDS
from tcpconntop.tui.actions import ACTIONS, Action, actions_by_section
from tcpconntop.tui.panes.registry import PANES

ROOT = Path(__file__).parents[2]
TEXTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


SCREENS: dict[str, set[str]] = {
    "All connects, and the screen of a process": {"app", "screen", "table"},
    "The screen of a process alone": {"process"},
    "Explain, after `x`": {"findings"},
}
"""Headings of docs/keys.md, and the scopes of the actions below them."""

SECTIONS = ("Look", "Rows", "Sort", "Panes", "Findings", "Time", "Program")
"""The order of the sections in docs/keys.md: what is needed first comes first."""

PANE_NAMES = {f"pane_at({index})": name for index, name in enumerate(PANES)}
"""The names of the panes that every table has, by the action that shows them."""


def key_name(key: str) -> str:
    """Return a key as a reader knows it, such as `shift+←` for `shift+left`."""
    modifiers, plus, base = key.rpartition("+")
    return f"{modifiers}{plus}{format_key(base)}"


def key_line(action: Action) -> str:
    """Return the line of an action, with all its keys; of a pane, with its name."""
    _, *others = action.keys.split(",")
    names = [action.label, *(key_name(key) for key in others)]
    pane = PANE_NAMES.get(action.name)
    text = action.help.replace("pane", f"pane, {pane}", 1) if pane else action.help
    return f"| {' '.join(f'`{name}`' for name in names)} | {text} |"


def key_tables() -> list[str]:
    """Return the headings and tables of the keys as they belong into docs/keys.md."""
    by_section, lines = actions_by_section(), []
    assert set(SECTIONS) == set(by_section)
    assert {scope for scopes in SCREENS.values() for scope in scopes} == {each.scope for each in ACTIONS}
    for screen, scopes in SCREENS.items():
        lines += [f"## {screen}", ""]
        here = {name: [each for each in by_section[name] if each.scope in scopes] for name in SECTIONS}
        sections = {name: actions for name, actions in here.items() if actions}
        for name, actions in sections.items():
            lines += [f"### {name}", ""] if len(sections) > 1 else []
            lines += ["| key | what it does |", "|---|---|", *map(key_line, actions), ""]
    return lines


def finding_texts() -> list[str]:
    """Return the kinds of findings as they belong into docs/findings.md: a list of all, then each alone."""
    lines = ["| kind | it says that |", "|---|---|"]
    lines += [f"| [{kind.kind}](#{kind.kind}) | {kind.shows} |" for kind in KINDS.values()]
    for kind in KINDS.values():
        before = [f"`{cls.kind}`" for cls in kind.after]
        silent = f"{kind.silent}; connects that {' or '.join(before)} reports" if before else kind.silent
        lines += ["", f"## {kind.kind}", "", f"It says that {kind.shows}.", ""]
        lines += [f"- **Evidence:** {kind.based_on}.", f"- **It does not fire on:** {silent}."]
        lines += [f"- **Next step:** {kind.next_step}."]
    return lines


def text_of(name: str) -> str:
    """Read a file in docs/."""
    return (ROOT / "docs" / name).read_text("utf-8")


def test_given_the_registry_then_the_docs_have_every_key_of_it_below_its_screen():
    """GIVEN the registry of actions WHEN docs/keys.md is read THEN it has their headings and tables."""
    wanted = "\n".join(key_tables())
    assert wanted in text_of("keys.md"), f"docs/keys.md has to have:\n{wanted}"


def test_given_the_kinds_of_findings_then_the_docs_have_every_one():
    """GIVEN the kinds of findings WHEN docs/findings.md is read THEN it has them, each with its texts."""
    wanted = "\n".join(finding_texts())
    assert wanted in text_of("findings.md"), f"docs/findings.md has to have:\n{wanted}"


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: str(text.relative_to(ROOT)))
def test_every_link_to_a_file_leads_to_one(text):
    """GIVEN a text WHEN it links to a file of the project, or to a heading THEN that is there."""
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", text.read_text("utf-8")):
        name, _, heading = link.partition("#")
        target = text.parent / name if name else text
        assert target.exists(), link
        if heading:
            headings = re.findall(r"^#+ (.+)$", target.read_text("utf-8"), re.M)
            assert heading in {title.lower().replace(" ", "-") for title in headings}, link
