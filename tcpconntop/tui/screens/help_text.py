"""What the help says, as data: the limits, then questions, every word of the screen, and all keys.

Keys are named by their action (`actions.py`), so that the user's own keys stand there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tcpconntop.core.format import printable
from tcpconntop.core.hosts import host_text
from tcpconntop.core.view.columns import COLUMNS, TREND
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.tui.actions import ACTIONS, KeyBindings, actions_by_section

Entry = tuple[str, str]
"""A name and the text beside it."""

QUESTIONS: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "Find: what is down, failing or slow?",
        (
            ("explain", "what is wrong, with the evidence and the command that shows more"),
            ("sort_by('trouble')", "down first, then failing, SYNs sent again, slow"),
            ("sort_by('p99')", "the slowest first"),
            ("filter", "only what matches: nginx, comm=curl, dest:10.0.0.0/8, p99>5ms, fail>1%"),
            ("scope", "everything, not only what -c, --dest and --filter chose; again: back"),
            ("group(1)", "by host (of several), process, port, subnet, unit … instead of by destination"),
            ("group(-1)", "back: the grouping before"),
        ),
    ),
    (
        "Compare: one process or all, before or now, this host or every host?",
        (
            ("expand", "below the row: its processes, destinations or hosts, each with its own figures"),
            ("open", "one process: its destinations and each of its connects"),
            ("compare", "every row against 1, 5 or 15 minutes before, what got worse first"),
            ("mark", "every row against this moment from now on"),
            ("window(1)", "a longer window; a shorter one is its capital letter"),
        ),
    ),
    (
        "Go back: what happened earlier, and when?",
        (
            ("spike(-1)", "to the spike before, where p99 or failures rose: from when to when, and where"),
            ("seek(-10)", "10 seconds back; the view stands still, tracing goes on"),
            ("past(-1)", "one step back, to find an edge: 1 s; 10 s after a minute, 30 s after five"),
            ("goto", "to a time of day, such as 10:03"),
            ("last_alert", "to the moment when an alert fired"),
            ("alerts", "the list of the alerts (start with --alert 'p99>50ms')"),
            ("seek_to('end')", "to the newest moment again"),
        ),
    ),
    (
        "Why: where did the time go, and what failed?",
        (
            ("explain", "causes, each with its evidence"),
            ("pane_at(0)", "Histogram: how the latencies are spread; a hump at 1, 3 or 7 s may be lost SYNs"),
            ("pane_at(1)", "Timeline: rate, percentiles and failures over the window"),
            ("pane_at(2)", "Heatmap: all latencies over time; a second band is a second kind of connect"),
            ("pane_at(3)", "Failures: what failed, how, since when, in which processes, and what it means"),
            ("pane_at(4)", "Explain: the findings"),
        ),
    ),
    (
        "Take it along",
        (
            (
                "export",
                "files: findings and figures as Markdown, the table as CSV, all of it as JSON, a picture",
            ),
            ("copy", "the row, or in Explain the command of a finding, to the terminal's clipboard"),
            ("copy_finding", "in Explain: the finding, its evidence and its command"),
            ("columns", "which columns, and their order"),
        ),
    ),
)
"""Questions, and the actions that answer them, by name."""

OUTCOMES: tuple[Entry, ...] = (
    ("ok", "the peer answered; only these connects have a latency"),
    ("refused", "the peer answered that nothing listens there, or a firewall did (ECONNREFUSED)"),
    ("timeout", "nobody answered, however often the SYN was sent (ETIMEDOUT)"),
    ("unreachable", "there was no way to the peer (EHOSTUNREACH, ENETUNREACH)"),
    ("cancelled", "the program gave up before there was an answer"),
    ("error", "any other failure; Failures names the errno"),
    ("in flight", "begun, and not ended yet"),
)

WORDS: tuple[Entry, ...] = (
    ("● live", "what happens now; ◌ is behind, starting or not live, ‖ paused, ▶ a recording, ■ its end"),
    ("⚠ 1 limit", "something that is not seen or not known here: the first lines of this help say what"),
    ("by … · 1m · p99▼", "grouping, window and order of the table; ▼ the greatest or worst first, ▲ the other"
     " way round. `trouble` is down, failing, resends, slow, then p99: also where its column has no room"),
    ("dest:10.0.0.0/8 /curl", "what the command line chose, and after / what is filtered within it"),
    ("Δ since 10:03:12", "every row is compared with that moment"),
    ("Δ last 1m vs about 5m earlier", "every row is compared with a window as long that ended so long before,"
     " or up to half a minute more"),
    ("a spike at 10:03", "p99 or failures rose and are back; no row shows it, as it was before the window"),
    ("all p99 ▁▁█┃▁", "p99 and failures over a recording or the last 15 minutes, of all connects; without"
     " `all`, of those of the filter; ┃ is the moment that is shown, the other background its window; below,"
     " the times of its ends, and the spike that this moment is in"),
    ("UTC+1", "the zone of the times shown; an hour that comes twice has it at each time"),
    ("▲ p99>50ms", "an alert fires; ○ it has cleared, or watches"),
    ("lost 0", "connects that are in no row: a buffer was full"),
    ("traced 100%", "the kernel counts its connects, too: that share of its count was traced. If it is less,"
     " some connects are in no row"),
    ("traced ?", "what was traced could not be compared with the kernel's own count: whether connects are"
     " missing is not known"),
    ("in 1 of 4 netns", "that share is of the network namespaces (of containers, say) whose count could be"
     " read; connects of the others are shown, too, but not checked"),
    ("cpu 1% · 60MB", "what this program itself takes"),
)  # fmt: skip

MOUSE: tuple[Entry, ...] = (
    ("click a header", "sorts by that column; again: the other way round"),
    ("click a row", "selects it; two clicks open its process"),
    ("click a word", "of the first, second or last line: does what its key does"),
    ("^P", "the palette: every action by its name"),
)

FILTERS: tuple[Entry, ...] = (
    ("nginx", "text in the address, the port, the process name, the pid or the unit"),
    ("comm=curl", "a field (comm, pid, unit, host, dport, daddr) equals a value; with ~, contains it"),
    ("dport=https", "a port by its name in /etc/services"),
    ("dest:10.0.0.0/8", "a destination in a network"),
    ("p99>5ms fail>1%", "metrics of the row, with > >= < <= =; a row must match all terms"),
    ("!dport=443", "rows that do not match the term"),
)

CHANGES: tuple[Entry, ...] = (
    ("~", "chance explains the difference, or there are too few connects to tell (p99 needs some hundred), or"
     " it is small: a rate by less than 10 %, P50 by less than 25 %, P90 and P99 by less than 50 %"),
    ("×3.1 +12%", "a change: chance alone makes one appear, in any row, at one look in a hundred at most;"
     " connects of a burst depend on each other, so a burst can look like a change"),
    ("new gone", "there are more connects now, or were before, than the other rate explains; the figures of a"
     " gone row, dim, are those of before"),
    ("more less", "CHANGE of a row with more or less connects a second, and nothing worse"),
    ("checkout ↻", "another process or unit of that name, as after a restart, compared with the one before"),
)  # fmt: skip

COLOURS: tuple[Entry, ...] = (
    ("▌", "the row that enter, o and y act on, and from which ↑ ↓ move, selected or not; ▏ while the keys are"
     " those of the findings or of a line to type in: esc brings them back"),
    ("latency", "highlighted from 100 ms, and strongly from 1 s: a SYN was lost"),
    ("▲", "before P99 or FAIL%: three times slower, or failing more often, than earlier in the window"),
    ("FAIL%", "highlighted when there are failures, and strongly from 5 %"),
)  # fmt: skip


@dataclass(frozen=True)
class HelpSection:
    """A title and its entries.

    Attributes:
        is_limit: True if it says what could not be done.
        indented: True if its entries have no names.
    """

    title: str
    entries: tuple[Entry, ...]
    is_limit: bool = False
    indented: bool = False

    def matching(self, words: Iterable[str]) -> HelpSection:
        """Return the section with those entries that have every word, in title, name or text."""
        wanted = [word.casefold() for word in words]
        kept = tuple(
            entry
            for entry in self.entries
            if all(word in f"{self.title} {entry[0]} {entry[1]}".casefold() for word in wanted)
        )
        return HelpSection(self.title, kept, self.is_limit, self.indented)


def help_sections(info: SourceInfo | None, keys: KeyBindings) -> list[HelpSection]:
    """Return all sections in their order."""
    by_name = {action.name: action for action in reversed(ACTIONS)}  # the first one of a name
    sections = [] if info is None or not info.notes else [_limits(info)]
    sections += [
        HelpSection(title, tuple((keys.label(by_name[name]), text) for name, text in entries))
        for title, entries in QUESTIONS
    ]
    sections += [
        HelpSection("Outcomes", OUTCOMES),
        HelpSection("Words around the table", WORDS),
        HelpSection("Mouse and palette", MOUSE),
        HelpSection("Filters", FILTERS),
    ]
    sections += [
        HelpSection(f"Keys: {title}", tuple((keys.label(action), action.help) for action in actions))
        for title, actions in actions_by_section().items()
    ]
    columns = [*COLUMNS.values(), TREND]
    sections += [
        HelpSection("Columns", tuple((column.header, column.help) for column in columns)),
        HelpSection("Changes since a mark, or since minutes before", CHANGES),
        HelpSection("Colours and signs", COLOURS),
    ]
    if info is not None and info.hosts:
        hosts = tuple(("", host_text(host)) for host in info.hosts)
        sections.append(HelpSection("Hosts", hosts, indented=True))
    return sections


def _limits(info: SourceInfo) -> HelpSection:
    """Return what is not seen or not known; it comes first, since the header sends readers here for it."""
    notes = tuple(("", printable(note)) for note in info.notes)
    return HelpSection("⚠ Limits: what is not seen, or not known", notes, is_limit=True, indented=True)
