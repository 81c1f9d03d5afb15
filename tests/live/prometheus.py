"""A real Prometheus server for a test: started with the rules of the package, asked over its API, killed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest
import way

RULES = Path(__file__).parents[2] / "packaging" / "prometheus" / "tcpconntop.rules.yml"
Answer = TypeVar("Answer")


def poll(ask: Callable[[], Answer], wanted: Callable[[Answer], bool]) -> Answer:
    """Ask until the answer is as wanted; return it."""
    end_s = time.monotonic() + way.DEADLINE_S
    while not wanted(answer := ask()):
        assert time.monotonic() < end_s, answer
        time.sleep(0.2)
    return answer


def quick_rules() -> str:
    """Return the rules with alerts that look back 10 s and wait 1 s, not minutes; the recorded p99 stays."""
    rules, p99, *rest = RULES.read_text("utf-8").partition("destination_port:tcpconntop_connect_duration")
    recorded, alerts = rest[0].split("  - name: tcpconntop-alerts")

    def quick(text: str) -> str:
        text = re.sub(r"for: \d+m", "for: 1s", re.sub(r"\[\d+m\]", "[10s]", text))
        return re.sub(r"offset \d+m", "offset 10s", text)

    return f"{quick(rules)}{p99}{recorded}  - name: tcpconntop-alerts{quick(alerts)}"


class Prometheus:
    """Scrapes and evaluates each second. Skips the test if there is no server.

    Args:
        folder: for its settings and data, which a second server of the same folder finds.
        port: where it answers, on 127.0.0.1.
        targets: what it scrapes.
        options: further options of the server.
    """

    def __init__(self, folder: Path, port: int, targets: Sequence[str], options: Sequence[str] = ()) -> None:
        program = shutil.which("prometheus")
        if not program:
            pytest.skip("not run: prometheus is not installed (apt-get install prometheus)")
        self._folder, self._port = folder, port
        job = {"job_name": "tcpconntop", "static_configs": [{"targets": [*targets]}]}
        every = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        config = {"global": every, "rule_files": ["quick.rules.yml"], "scrape_configs": [job]}
        (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
        (folder / "quick.rules.yml").write_text(quick_rules())
        self._command = [
            program,
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}",
            *options,
        ]
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self._folder / "log").open("a") as log:
            self.process = subprocess.Popen(self._command, cwd=self._folder, stdout=log, stderr=log)
        poll(self._is_ready, bool)

    def kill(self) -> None:
        """End it at once, as a crash does."""
        self.process.kill()
        self.process.wait()

    def query(self, promql: str, **parameters: float) -> list[dict[str, Any]]:
        """Return the series that an expression gives: `metric` and `value`; now, or at `time`."""
        words = urllib.parse.urlencode({"query": promql, **parameters})
        result: list[dict[str, Any]] = self._api(f"query?{words}")["result"]
        return result

    def by_label(self, promql: str, label: str, **parameters: float) -> dict[str, float]:
        """Return the value of each series by one of its labels."""
        found = self.query(promql, **parameters)
        return {series["metric"].get(label, ""): float(series["value"][1]) for series in found}

    def firing(self) -> set[tuple[str, str]]:
        """Return the alerts that fire, each with its instance."""
        alerts = self._api("alerts")["alerts"]
        return {
            (alert["labels"]["alertname"], alert["labels"]["instance"])
            for alert in alerts
            if alert["state"] == "firing"
        }

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, (self._folder / "log").read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/-/ready", timeout=5):
                return True
        except (urllib.error.URLError, ConnectionError):
            return False

    def _api(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/api/v1/{path}", timeout=10) as answer:
            document = json.load(answer)
        assert document["status"] == "success", document
        data: dict[str, Any] = document["data"]
        return data
