"""The tables of README.md that are generated: keys and findings."""

from __future__ import annotations

from pathlib import Path

from tcpconntop.core.analysis.explain import KINDS
from tcpconntop.tui.actions import actions_by_section

README = Path(__file__).parents[2] / "README.md"


def key_table() -> list[str]:
    """Write the table of the keys as it belongs into README.md."""
    lines = ["| key | what it does |", "|---|---|"]
    for actions in actions_by_section().values():
        lines += [f"| `{action.label}` | {action.help} |" for action in actions]
    return lines


def finding_table() -> list[str]:
    """Write the table of the kinds of findings as it belongs into README.md."""
    lines = ["| kind | it shows | evidence | it does not fire on | next step |", "|---|---|---|---|---|"]
    for kind in KINDS.values():
        before = [f"`{cls.kind}`" for cls in kind.after]
        silent = f"{kind.silent}; connects that {' or '.join(before)} reports" if before else kind.silent
        step = kind.next_step.replace("|", "\\|")  # else it would end the cell
        lines.append(f"| `{kind.kind}` | {kind.shows} | {kind.based_on} | {silent} | {step} |")
    return lines


def table_of(section: str) -> list[str]:
    """Read the table below a heading of README.md."""
    text = README.read_text("utf-8").partition(f"\n### {section}\n")[2].partition("\n#")[0]
    return [line for line in text.splitlines() if line.startswith("|")]


def test_given_the_registry_then_the_readme_has_every_key_of_it():
    """GIVEN the registry of actions WHEN the README's table is held against it THEN they are the same."""
    assert table_of("Keys") == key_table(), "the table under Keys has to read:\n" + "\n".join(key_table())


def test_given_the_kinds_of_findings_then_the_readme_has_every_one():
    """GIVEN the list of kinds WHEN the README's table is held against it THEN they are the same."""
    wanted = finding_table()
    assert table_of("Findings") == wanted, "the table under Findings has to read:\n" + "\n".join(wanted)
