"""Alerts without a dashboard: the options, the lines on stderr, and the JSON of -b."""

from __future__ import annotations

import io
import json

import pytest
from recordings import Scenario

from tcpconntop.commands.alerts import Alerting, alerting_from_args, watched
from tcpconntop.commands.recording_output import check_recording, recording_output
from tcpconntop.core.view.alerts import AlertWatch, parse_alert
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.engine import Engine
from tcpconntop.options import UsageError, parse
from tcpconntop.outputs.batch import Batch
from tcpconntop.recording.alert_ring import AlertRing
from tcpconntop.settings.config import Config, parse_config


def args_of(*words, settings=None):
    args = parse(words, settings.options if settings else None)
    args.config = settings or Config()
    return args


def test_json_has_the_alerts_and_stderr_a_line_for_each(capsys):
    """GIVEN an alert that fires WHEN -b prints JSON each 3 s THEN each second was judged."""
    alerting, out, scenario = Alerting(AlertWatch([parse_alert("count>100")])), io.StringIO(), Scenario(6)
    batch = Batch(ViewSpec(), out, True, None)
    batch.alert_log = lambda: alerting.log
    Engine(scenario, batch.publish, 60, 3.0, clock_s=scenario.clock_s, observe=alerting.say).run()
    (alert,) = json.loads(out.getvalue().splitlines()[0])["alerts"]
    (fired,) = alert["fired"]
    assert {key: alert[key] for key in ("expr", "firing", "judged", "needs_connects")} == {
        "expr": "count>100", "firing": True, "judged": True, "needs_connects": 0,
    }  # fmt: skip
    assert (fired["metric"], fired["cleared"], fired["or_before"]) == ("count", None, False)
    assert fired["value"] == fired["connects"] > 100
    assert fired["since"] < json.loads(out.getvalue().splitlines()[0])["ts"]
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"tcpconntop: alert: count>100: count {fired['connects']} in the last minute, at ")


def test_without_alerts_json_is_as_before():
    scenario, out = Scenario(1), io.StringIO()
    Engine(scenario, Batch(ViewSpec(), out, True, 1).publish, 60, clock_s=scenario.clock_s).run()
    assert "alerts" not in json.loads(out.getvalue())


def test_log_and_record_judge_each_second_of_what_is_read(capsys):
    """GIVEN a source WHEN it is read with alerts THEN all its records come, and the alert is said once."""
    alerting = Alerting(AlertWatch([parse_alert("count>100")]))
    plain, source = Scenario(4), watched(Scenario(4), alerting)
    while not source.ended:
        assert len(source.read(0.1)) == len(plain.read(0.1))
    assert len(capsys.readouterr().err.splitlines()) == len(alerting.log.firings) == 1


@pytest.mark.parametrize("command", ["log", "record", "replay", "fleet", "demo", ""])
def test_an_alert_is_parsed_with_the_filter_of_the_command_line(command):
    """GIVEN --alert WHEN a command starts THEN its connects match -c, --dest and --filter too."""
    positional = {"record": ["f"], "replay": ["f"], "fleet": ["h"]}.get(command, [])
    more = [] if command == "demo" else ["--dest", "10.0.0.0/8"]
    args = args_of(*filter(None, [command]), *positional, *more, "--alert", "p99>1s", "--alert", "fail>5%")
    alerts = alerting_from_args(args).log.alerts
    assert [alert.text for alert in alerts] == [
        text + " dest:10.0.0.0/8" * bool(more) for text in ("p99>1s", "fail>5%")
    ]
    assert alerting_from_args(args) is args.alerting


def test_alerts_of_a_settings_file_and_those_of_the_command_line():
    """GIVEN alerts in a settings file WHEN there are some on the command line THEN these replace them."""
    config = parse_config('alert = ["p99>1s", "fail>5%"]', "FILE")
    assert args_of(settings=config).alert == ("p99>1s", "fail>5%")
    assert args_of("--alert", "ok>1", "--alert", "ok>2", settings=config).alert == ("ok>1", "ok>2")
    with pytest.raises(UsageError, match=r"^FILE: alert: 'x': no metric is compared"):
        alerting_from_args(args_of(settings=parse_config('alert = ["x"]', "FILE")))
    with pytest.raises(UsageError, match=r"^--alert 'x', column 1|^--alert 'x': no metric"):
        alerting_from_args(args_of("--alert", "x"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("record f --keep 5m", "--keep with a time needs --alert"),
        ("-b --keep 5m --alert ok>1", "--keep with a time needs --alert and a recording"),
        ("record f --keep 5", "--keep needs --rotate-size or --rotate-age"),
        ("record f --keep 5q", "neither a whole number from 1 nor a time"),
        ("record - --keep 5m --alert ok>1", "stdout cannot be rotated"),
        ("check --for 1s --assert ok>1 --keep 5m --record f", "--keep with a time needs --alert"),
    ],
)
def test_what_keep_needs(words, message):
    """GIVEN --keep without what it needs WHEN the options are checked THEN one line says what."""
    with pytest.raises(UsageError, match=message):
        check_recording(args := args_of(*words.split()), [args.record] if args.record else [])


def test_a_time_to_keep_makes_a_ring_that_an_alert_tells(tmp_path):
    """GIVEN record with --alert and --keep TIME WHEN an alert fires THEN the ring keeps its files."""
    args = args_of(
        "record", str(tmp_path / "r"), "--alert", "count>50", "--keep", "5m", "--rotate-size", "1M"
    )
    check_recording(args, [args.record])
    output = recording_output(args, args.record)
    assert isinstance(output, AlertRing)
    kept = []
    output.keep_around = kept.append
    source = watched(Scenario(2), alerting_from_args(args))
    while not source.ended:
        source.read(0.1)
    assert kept == [firing.since_s for firing in args.alerting.log.firings] != []
    output.close()
