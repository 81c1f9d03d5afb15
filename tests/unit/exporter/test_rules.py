"""The rules for Prometheus: promtool finds them right, and they use only metrics that are exported."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from exporting import exported_labels, run_promtool

FOLDER = Path(__file__).parents[3] / "packaging" / "prometheus"
RULES = FOLDER / "tcpconntop.rules.yml"


def test_promtool_accepts_the_rules_and_their_tests():
    assert run_promtool("check", "rules", RULES.name, folder=FOLDER)[0] == 0
    code, says = run_promtool("test", "rules", "tcpconntop.rules.test.yml", folder=FOLDER)
    assert code == 0, says


def test_every_alert_has_a_test():
    alerts = re.findall(r"alert: (\w+)", RULES.read_text())
    tested = re.findall(r"alertname: (\w+)\n", (FOLDER / "tcpconntop.rules.test.yml").read_text())
    assert len(alerts) == 7
    assert set(alerts) == set(tested), "each one fires in a test"


@pytest.mark.parametrize("file", ["tcpconntop.rules.yml", "tcpconntop.rules.test.yml"])
def test_the_rules_use_metrics_and_labels_that_exist(file):
    metrics = exported_labels()
    text = (FOLDER / file).read_text()
    used = re.findall(r"(?<![\w:])(tcpconntop_\w+)(?:\{([^}]*)\})?", text)
    assert len(used) > 10
    for name, selector in used:
        assert name in metrics, name
        labels = set(re.findall(r'(\w+)=~?!?"', selector.replace("!=", "=")))
        assert labels <= metrics[name] | {"instance", "job"}, (name, labels)
