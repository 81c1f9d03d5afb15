"""The tables of docs/ that are generated: keys and findings; and that every link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tcpconntop.core.analysis.explain import KINDS
from tcpconntop.tui.actions import actions_by_section

ROOT = Path(__file__).parents[2]
TEXTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def key_table() -> list[str]:
    """Write the table of the keys as it belongs into docs/keys.md."""
    lines = ["| key | what it does |", "|---|---|"]
    for actions in actions_by_section().values():
        lines += [f"| `{action.label}` | {action.help} |" for action in actions]
    return lines


def finding_table() -> list[str]:
    """Write the table of the kinds of findings as it belongs into docs/findings.md."""
    lines = ["| kind | it shows | evidence | it does not fire on | next step |", "|---|---|---|---|---|"]
    for kind in KINDS.values():
        before = [f"`{cls.kind}`" for cls in kind.after]
        silent = f"{kind.silent}; connects that {' or '.join(before)} reports" if before else kind.silent
        step = kind.next_step.replace("|", "\\|")  # else it would end the cell
        lines.append(f"| `{kind.kind}` | {kind.shows} | {kind.based_on} | {silent} | {step} |")
    return lines


def table_of(name: str) -> list[str]:
    """Read the table of a file in docs/."""
    text = (ROOT / "docs" / name).read_text("utf-8")
    return [line for line in text.splitlines() if line.startswith("|")]


def test_given_the_registry_then_the_docs_have_every_key_of_it():
    """GIVEN the registry of actions WHEN the table of docs/ is held against it THEN they are the same."""
    assert table_of("keys.md") == key_table(), "the table of docs/keys.md has to read:\n" + "\n".join(
        key_table()
    )


def test_given_the_kinds_of_findings_then_the_docs_have_every_one():
    """GIVEN the list of kinds WHEN the table of docs/ is held against it THEN they are the same."""
    wanted = finding_table()
    assert table_of("findings.md") == wanted, "the table of docs/findings.md has to read:\n" + "\n".join(
        wanted
    )


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
