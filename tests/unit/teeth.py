"""Take each protection out and show that its test fails: `make teeth`.

Changes files of this checkout for the time of one test each, and restores them.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIVE, KERNEL = "tests/live/test_rights.py::test_", "tests/unit/kernel/test_"
FILTER, DROP = "tcpconntop/kernel/seccomp.py", "tcpconntop/kernel/privileges.py"
LOADER, CHILDREN = "tcpconntop/kernel/loader.py", "tcpconntop/kernel/children.py"
FILES, ROTATING = "tcpconntop/kernel/user_files.py", "tcpconntop/recording/files.py"
ROTATION = "tests/unit/recording/test_writing.py::test_"
SIGNALS, STREAMS = "tcpconntop/commands/signals.py", "tcpconntop/commands/streams.py"
DRIVER, TERMINAL = "tcpconntop/tui/driver.py", "tests/tui/test_terminal.py::test_"
LOCALES = "tests/unit/outputs/test_locales.py::test_"
UNTRUSTED, ESCAPE = "tcpconntop/recording/untrusted.py", "tcpconntop/core/escape.py"
SERVER, SERVING = "tcpconntop/exporter/server.py", "tests/unit/exporter/test_server.py::test_"
STRANGERS = "tests/unit/recording/test_strangers.py::test_"


@dataclass(frozen=True)
class Protection:
    """A line that protects.

    Attributes:
        what: the protection, in a few words.
        file: where it is.
        old: the text that protects; it is there once.
        new: the text without protection.
        test: the test that must fail then.
    """

    what: str
    file: str
    old: str
    new: str
    test: str


FLEET = "tests/unit/recording/test_feeds.py::test_"
ASKING, ASKED = "tcpconntop/prometheus/client.py", "tests/unit/prometheus/test_client.py::test_"

PROTECTIONS = (
    Protection("isolated Python", "tcpconntop/kernel/isolated.py", '"-I", "-c"', '"-c"',
               KERNEL + "children.py::test_a_child_gets_nothing_of_the_callers_environment"),
    Protection("the workload is such a child", "tcpconntop/demo/source.py",
               'start_child(\n            python_command(sys.executable, "tcpconntop.demo.workload"),',
               'subprocess.Popen(\n            [sys.executable, "-m", "tcpconntop.demo.workload"],',
               "tests/live/test_traps.py::test_no_dashboard_runs_what_lies_around[demo]"),
    Protection("fixed environment", CHILDREN, "env=ENVIRONMENT, ", "",
               KERNEL + "children.py::test_a_child_gets_nothing_of_the_callers_environment"),
    Protection("children start in /", CHILDREN, 'cwd="/", ', "",
               KERNEL + "children.py::test_a_child_gets_nothing_of_the_callers_environment"),
    Protection("absolute paths", CHILDREN, "if not Path(command[0]).is_absolute():", "if False:",
               KERNEL + "children.py::test_a_program_is_not_looked_for"),
    Protection("ssh of a fleet runs as the caller", "tcpconntop/kernel/starter.py",
               "        become_caller()\n", "",
               "tests/live/test_fleet.py::test_who_calls_sudo_gets_no_right_of_root_by_an_ssh_command"),
    Protection("again without variables", "tcpconntop/__main__.py", "    _isolate()\n", "",
               LIVE + "the_variables_of_python_decide_nothing_as_root"),
    Protection("no program is handed over", LOADER, ' if name.startswith("link:")', "",
               LIVE + "the_interface_gets_links_and_four_maps[ring]"),
    Protection("no private map is handed over", LOADER, '"tct_netns", "tct_settings")',
               '"tct_netns", "tct_settings", "tct_start")',
               LIVE + "the_interface_gets_links_and_four_maps[ring]"),
    Protection("frozen counters", "tcpconntop/kernel/attach.py",
               "            bpf_call.freeze_map(descriptor)\n", "            pass\n",
               LIVE + "nobody_can_write_the_counters[tct_counters-record0]"),
    Protection("a loader that stays drops everything", LOADER, "        give_everything_up()\n", "",
               LIVE + "every_process_that_stays_has_given_everything_up"),
    Protection("empty capability sets", DROP, '    _call("capset", ', '    print("capset", ',
               "tests/live/test_lifecycle.py::test_the_interface_has_no_capability[False]"),
    Protection("empty bounding set", DROP, "    while _libc.prctl(_PR_CAPBSET_DROP",
               "    while _libc.prctl(0",
               LIVE + "every_process_that_stays_has_given_everything_up"),
    Protection("the filter of system calls", DROP, "    refuse_system_calls(unix", "    dict(unix",
               LIVE + "every_process_that_stays_has_given_everything_up"),
    Protection("bpf is refused", FILTER, '    "bpf": (321, 280),\n', "",
               KERNEL + "seccomp.py::test_the_filter_has_what_security_md_lists"),
    Protection("the filter refuses", FILTER, "    refuse = _ERRNO | errno.EPERM", "    refuse = _ALLOW",
               KERNEL + "seccomp.py::test_the_kernel_refuses_them_in_every_thread_and_child"),
    Protection("x32 calls are refused", FILTER, 'if machine == "x86_64":', "if False:",
               KERNEL + "seccomp.py::test_numbers_of_another_architecture_are_refused[x86_64]"),
    Protection("other architectures are refused", FILTER, "_AUDIT_ARCH[machine], 1, 0)",
               "_AUDIT_ARCH[machine], 1, 1)",
               KERNEL + "seccomp.py::test_numbers_of_another_architecture_are_refused[aarch64]"),
    Protection("no namespaces", FILTER, "NEW_NAMESPACES = 0x7E020000", "NEW_NAMESPACES = 0",
               KERNEL + "seccomp.py::test_the_filter_has_what_security_md_lists"),
    Protection("no typing into the terminal", FILTER, "code += _if(_EQUAL, _IOCTL[column]",
               "_if(_EQUAL, _IOCTL[column]",
               KERNEL + "seccomp.py::test_arguments_decide_where_the_call_itself_is_needed[x86_64]"),
    Protection("no UNIX sockets as root", FILTER, "    if not unix_sockets:", "    if False:",
               KERNEL + "seccomp.py::test_arguments_decide_where_the_call_itself_is_needed[x86_64]"),
    Protection("not dumpable", DROP, "    hide_process()\n", "",
               LIVE + "no_process_of_the_same_user_looks_into_the_interface"),
    Protection("Landlock", DROP, "        write_only_below(writable, ", '        "".format(writable, ',
               LIVE + "root_without_capabilities_writes_only_to_its_folders"),
    Protection("rights of files", FILTER, '    "fchmodat": (268, 53),\n', "",
               KERNEL + "seccomp.py::test_the_filter_has_what_security_md_lists"),
    Protection("recordings are opened as the caller", "tcpconntop/commands/files.py",
               " as stack, as_caller():",
               " as stack:", LIVE + "a_sudo_rule_reads_no_file_of_root[command0]"),
    Protection("regular files alone", FILES, "if not (stat.S_ISREG(mode)", "if not (True",
               KERNEL + "user_files.py::test_only_regular_files_are_read"),
    Protection("bounded settings", FILES, "if len(data) > MAX_SMALL_FILE_BYTES:", "if False:",
               KERNEL + "user_files.py::test_a_small_file_is_small"),
    Protection("settings are such files", "tcpconntop/commands/settings.py",
               'read_small_file(file).decode("utf-8")', 'file.open("rb").read(9).decode("utf-8")',
               LIVE + "a_settings_file_neither_blocks_nor_fills_memory[sparse]"),
    Protection("new files alone", FILES, "os.O_EXCL | ", "",
               KERNEL + "user_files.py::test_what_exists_is_never_written[file]"),
    Protection("private files", FILES, "flags, 0o600)", "flags, 0o644)",
               KERNEL + "user_files.py::test_only_the_owner_may_read_what_is_written"),
    Protection("private exports", "tcpconntop/tui/export.py", "os.fdopen(create_private(path), ",
               "open(path, ",
               "tests/tui/test_takeaway.py::test_only_its_owner_may_read_an_export"),
    Protection("only files of the rotation", ROTATING,
               " and rotation_of(beginning) == self.rotation_name", "",
               ROTATION + "nothing_is_removed_that_the_rotation_has_not_written"),
    Protection("only files of the user", ROTATING, "return owner == os.geteuid() and ", "return ",
               ROTATION + "files_of_other_users_are_not_removed"),
    Protection("signals are normal ends", SIGNALS, "            signal.signal(number, handle)",
               "            pass",
               TERMINAL + "a_signal_gives_the_terminal_back[15]"),
    Protection("a signal ends the start in order", SIGNALS, "            raise Interrupted(number)",
               "            os._exit(1)",
               "tests/live/test_signals.py::test_a_signal_while_it_compiles_ends_it"),
    Protection("a recording gets its end", SIGNALS,
               "        interrupted.exit_code = interrupted.exit_code or 128 + number\n",
               "        os._exit(1)\n",
               "tests/live/test_signals.py::test_a_headless_command_ends_in_order[SIGHUP-record]"),
    Protection("it ends with its terminal", DRIVER, "        self._app.post_message(TerminalGone())",
               "        pass",
               TERMINAL + "it_ends_when_the_terminal_has_gone[hang-up ignored]"),
    Protection("Ctrl-Z suspends", DRIVER,
               "signal.SIGTSTP, self._on_stop if self.may_suspend else signal.SIG_IGN",
               "signal.SIGTSTP, signal.SIG_IGN",
               TERMINAL + "it_is_suspended_and_continued_many_times[ctrl-z]"),
    Protection("one input thread", DRIVER, "        signal.signal(signal.SIGCONT, self._on_continue)\n", "",
               TERMINAL + "it_is_suspended_and_continued_many_times[SIGSTOP]"),
    Protection("any locale can show it", STREAMS, "stream.encoding, TRANSLITERATE, ",
               'stream.encoding, "strict", ',
               LOCALES + "a_microsecond_stays_one[ja_JP]"),
    Protection("data is UTF-8", STREAMS, 'encoding="utf-8", errors="backslashreplace"',
               'errors="backslashreplace"', LOCALES + "data_is_utf_8[ja_JP]"),
    Protection("groups may go during the walk", "tcpconntop/kernel/cgroup_files.py",
               "        except OSError:\n            pass  # it was removed, or may not be read",
               "        except KeyError:\n            pass",
               KERNEL + "cgroup_units.py::test_groups_that_go_during_the_walk_end_nothing"),
    Protection("the web configuration is opened as the caller", "tcpconntop/commands/exporter.py",
               "    with as_caller():\n", "    if True:\n",
               "tests/live/test_exporter.py::test_a_sudo_rule_reads_no_web_config_of_root"),
    Protection("passwords", "tcpconntop/exporter/basic_auth.py",
               'if passwords.match(*_credentials(request.headers.get("authorization", ""))):', "if True:",
               "tests/unit/exporter/test_web_config.py::test_only_the_password_of_a_user_opens_any_page"),
    Protection("client certificates", "tcpconntop/exporter/web_config.py", "ssl.CERT_REQUIRED",
               "ssl.CERT_NONE",
               "tests/unit/exporter/test_web_config.py::test_with_an_authority_only_its_clients_are_let_in"),
    Protection("bounded time of a request", SERVER, "left_s = end_s - time.monotonic()", "left_s = 1e3",
               SERVING + "a_client_that_sends_a_byte_now_and_then_loses_its_connection"),
    Protection("bounded size of a request", SERVER, "recv(MAX_HEAD_BYTES - len(head))", "recv(1 << 20)",
               SERVING + "a_head_that_never_ends_is_not_read_to_its_end"),
    Protection("bounded connections", SERVER, "if not self._slots.acquire(blocking=False):", "if False:",
               SERVING + "more_connections_than_are_served_get_an_error_and_later_a_page"),
    Protection("depth of JSON", UNTRUSTED, "except RecursionError:", "except KeyError:",
               STRANGERS + "json_that_is_no_plain_value_is_an_error"),
    Protection("numbers of JSON", UNTRUSTED, "parse_constant=_refuse, ", "",
               STRANGERS + "json_that_is_no_plain_value_is_an_error"),
    Protection("counts fit", UNTRUSTED, " or not -_MAX_COUNT < value < _MAX_COUNT", "",
               STRANGERS + "a_count_is_a_whole_number_that_fits"),
    Protection("packing has a bound", "tcpconntop/recording/blocks.py",
               "if frame.raw_bytes > MAX_RATIO * stored:", "if False:",
               STRANGERS + "a_block_that_is_packed_too_tightly_is_damage"),
    Protection("JSON has a bound", UNTRUSTED, "    if len(data) > limit:", "    if False:",
               STRANGERS + "json_has_a_bound"),
    Protection("reads have a bound", UNTRUSTED, "step = -(-len(reads) // MAX_READS) or 1", "step = 1",
               STRANGERS + "empty_reads_are_dropped_and_many_are_played_together"),
    Protection("CSV has no control character", ESCAPE, "    text = printable(value)", "    text = value",
               "tests/unit/outputs/test_csv.py::test_given_a_name_that_means_harm_then_it_is_one_cell_and_no_formula"),
    Protection("CSV has no formula", ESCAPE, "if text.startswith(_FORMULA) else text", "if False else text",
               "tests/unit/outputs/test_csv.py::test_given_a_name_that_means_harm_then_it_is_one_cell_and_no_formula"),
    Protection("JSON has no control character", ESCAPE, "    if text.isprintable():", "    if True:",
               "tests/unit/core/test_escape.py::test_nothing_unprintable_is_in_json_and_nothing_is_lost"),
    Protection("text for people has none", "tcpconntop/core/format.py",
               'return "".join(char if char.isprintable() else "·" for char in text)', "return text",
               "tests/unit/outputs/test_documents.py::test_a_process_name_cannot_break_a_line"),
    Protection("an error has none", STREAMS, "{printable(message)}", "{message}",
               "tests/unit/outputs/test_streams.py::test_an_error_is_one_printable_line_whatever_it_names"),
    Protection("the title of the terminal has none", "tcpconntop/tui/terminal_title.py",
               "{printable(self.text)[:MAX_TITLE]}", "{self.text[:MAX_TITLE]}",
               "tests/tui/test_alerting.py::test_no_text_of_an_alert_reaches_the_terminal_as_a_command"),
    Protection("what is kept around an alert takes no name", "tcpconntop/recording/alert_ring.py",
               "os.link(path, name, follow_symlinks=False)", "os.replace(path, name)",
               "tests/unit/recording/test_alert_ring.py::test_a_name_that_is_taken_ends_the_recording_with_one_line"),
    Protection("the limit of descriptors is named", "tcpconntop/kernel/environment.py",
               "    if hard != resource.RLIM_INFINITY and hard < MIN_DESCRIPTORS:", "    if False:",
               KERNEL + "environment.py::test_a_command_names_the_right_reason"),
    Protection("a package has its hash", "scripts/install-locked", '*"DO NOT MATCH THE HASHES"*)', "nothing)",
               "tests/unit/test_lock.py::test_a_package_with_another_hash_is_refused"),
    # The loader then keeps its own connection open; timeout ends it, so that nothing is left of this trial.
    Protection("the loader ends with the interface", "tcpconntop/kernel/launch.py", """\
            loader_command(entry, loader_end.fileno(), *present),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(loader_end.fileno(),),
""", """\
            ["/usr/bin/timeout", "90", *loader_command(entry, loader_end.fileno(), *present)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(loader_end.fileno(), own_end.fileno()),
""", "tests/live/test_lifecycle.py::test_kill_9_leaves_nothing[spawned-0]"),
    Protection("a target is no option of ssh", "tcpconntop/commands/targets.py",
               'target.startswith("-") or host.startswith("-")', "False",
               FLEET + "a_target_that_is_no_host_is_refused"),
    Protection("no shell reads a target", CHILDREN,
               "return subprocess.Popen(command, env=environment,",
               'return subprocess.Popen(" ".join(command), shell=True, env=environment,',
               FLEET + "a_target_is_an_argument_and_never_read_by_a_shell"),
    Protection("a host ends its own stream alone", "tcpconntop/recording/feed.py",
               "except (FatalError, OSError, ValueError, MemoryError) as error:",
               "except ZeroDivisionError as error:", FLEET + "a_malformed_stream_marks_its_host_alone"),
    Protection("what waits of a host has a bound", "tcpconntop/recording/feed.py",
               "self._changed.wait_for(lambda: self._has_room() or self._closing.is_set())", "pass",
               FLEET + "what_waits_has_a_bound"),
    Protection("a host stays within its numbers", "tcpconntop/recording/one_of_hosts.py",
               "np.bitwise_and(values, np.uint64((1 << n_bits) - 1), out=values)", "pass",
               "tests/unit/recording/test_merged.py::test_numbers_of_a_stranger_cannot_reach_another_host"),
    Protection("a long answer of a server is not read to its end", ASKING, "if left < 0:", "if False:",
               ASKED + "given_an_answer_that_is_none_then_the_error_says_why[endless]"),
    Protection("a server that sends little has an end", ASKING,
               "guard = self._guard(connection.sock, end_s - time.monotonic())",
               "guard = self._guard(connection.sock, 3600)",
               ASKED + "given_a_server_that_goes_on_for_ever_then_a_query_has_an_end[dripping]"),
    Protection("an answer with many lists is not parsed", ASKING, "> MAX_LISTS:", "> MAX_LISTS * 99:",
               ASKED + "given_an_answer_that_is_none_then_the_error_says_why[too many lists]"),
    Protection("a counter of a server is a count", "tcpconntop/prometheus/samples.py",
               "if not ((values >= 0) & (values <= MAX_COUNT)).all():", "if False:",
               ASKED + "given_an_answer_with_what_prometheus_never_sends_then_it_is_refused_as_a_whole[NaN]"),
)  # fmt: skip
"""Every protection, with the test that fails without it."""


def has_teeth(protection: Protection) -> bool:
    """Return True if the test passes with the protection and fails without it."""
    path = ROOT / protection.file
    whole = path.read_text("utf-8")
    if whole.count(protection.old) != 1 or not _passes(protection.test):
        return False
    toothless = whole.replace(protection.old, protection.new)
    if path.suffix == ".py":
        compile(toothless, path, "exec")  # what is no program would fail for another reason
    try:
        path.write_text(toothless, "utf-8")
        return not _passes(protection.test)
    finally:
        path.write_text(whole, "utf-8")


def _passes(test: str) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--long", test]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode > 1 or " skipped" in done.stdout.splitlines()[-1]:
        print(done.stdout, file=sys.stderr)
        raise SystemExit(f"{test} cannot be run here")
    return done.returncode == 0


def main(words: list[str]) -> int:
    """Try the protections whose name has one of these words; without any, all. Return the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # restores the file, as Ctrl-C does
    chosen = [one for one in PROTECTIONS if not words or any(word in one.what for word in words)]
    toothless = 0
    for protection in chosen:
        shown = has_teeth(protection)
        toothless += not shown
        print(
            f"{'fails without it' if shown else 'NO TEETH':16}  {protection.what}: {protection.test}",
            flush=True,
        )
    return 1 if toothless else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
