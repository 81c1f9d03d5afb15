"""What README.md says of the keys is what the registry of actions says."""

from __future__ import annotations

from pathlib import Path

from tcpconntop.tui.actions import actions_by_section

README = Path(__file__).parents[2] / "README.md"


def key_table() -> list[str]:
    """Write the table of the keys as it belongs into README.md."""
    lines = ["| key | what it does |", "|---|---|"]
    for actions in actions_by_section().values():
        lines += [f"| `{action.shown}` | {action.help} |" for action in actions]
    return lines


def test_given_the_registry_then_the_readme_has_every_key_of_it():
    """GIVEN the registry of actions WHEN the README's table is held against it THEN they are the same."""
    section = README.read_text("utf-8").partition("\n### Keys\n")[2].partition("\n### ")[0]
    told = [line for line in section.splitlines() if line.startswith("|")]
    assert told == key_table(), "the table under Keys has to read:\n" + "\n".join(key_table())
