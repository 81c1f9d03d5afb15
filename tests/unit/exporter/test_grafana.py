"""The Grafana dashboard: it is what its script makes, and each panel asks for what the exporter has."""

from __future__ import annotations

import json
import re
import runpy
from itertools import combinations
from pathlib import Path

import pytest
from exporting import exported_labels, run_promtool

FOLDER = Path(__file__).parents[3] / "packaging" / "grafana"
DASHBOARD = json.loads((FOLDER / "tcpconntop.json").read_text("utf-8"))
PANELS = DASHBOARD["panels"]
FROM_SCRAPING = {"instance", "job"}
"""Labels that Prometheus adds."""

LABEL = r"[a-z_]+"
METRIC = re.compile(r"\b((?:tcpconntop|process)_\w+)(?:\{([^}]*)\})?")


def expressions():
    return [(panel["title"], target) for panel in PANELS for target in panel["targets"]]


def test_it_is_what_the_script_makes():
    made = runpy.run_path(str(FOLDER / "make-dashboard"))["dashboard"]()
    assert made == DASHBOARD, "run packaging/grafana/make-dashboard"


def test_it_shows_what_a_team_asks_for():
    titles = " ".join(panel["title"].lower() for panel in PANELS)
    wanted = ("attempts", "failures by reason", "p50", "p90", "p99", "latency of all", "syn retransmits",
              "in flight", "completeness", "lost", "cpu", "no local port")  # fmt: skip
    assert [words for words in wanted if words not in titles] == []
    assert [panel["type"] for panel in PANELS].count("heatmap") == 1


def test_panels_have_their_own_ids_and_places():
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for panel in PANELS:
        place = panel["gridPos"]
        assert 0 <= place["x"] < place["x"] + place["w"] <= 24, panel["title"]
        assert (place["y"] >= 0, place["h"] > 0) == (True, True)
    for one, other in combinations(PANELS, 2):
        a, b = one["gridPos"], other["gridPos"]
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        above = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert beside or above, (one["title"], other["title"])


def test_each_metric_and_label_is_exported():
    metrics = exported_labels()
    queries = [variable["definition"] for variable in DASHBOARD["templating"]["list"][1:]]
    for text in [target["expr"] for _, target in expressions()] + queries:
        used = METRIC.findall(text)
        assert used, text
        known = FROM_SCRAPING.union(*(metrics[name] for name, _ in used))
        for name, selector in used:
            assert set(re.findall(rf"({LABEL})\s*(?:=|!)", selector)) <= metrics[name] | FROM_SCRAPING, text
        summed = {label for by in re.findall(r"by \(([^)]*)\)", text) for label in by.split(", ")}
        assert summed <= known, text
    assert [set(re.findall(rf", ({LABEL})\)$", query)) for query in queries] == [
        {"instance"},
        {"destination"},
    ]


def test_each_legend_names_labels_that_its_series_have():
    metrics = exported_labels()
    for title, target in expressions():
        sums = re.search(r"by \(([^)]*)\)", target["expr"])
        name = METRIC.search(target["expr"])[1]
        labels = set(sums[1].split(", ")) if sums else metrics[name] | FROM_SCRAPING
        named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        assert named, title
        assert named <= labels, title


def test_each_variable_is_one_of_the_dashboard_or_of_grafana():
    own = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD)))
    assert used == own | {"__rate_interval", "__range", "__all"}


def test_every_expression_is_promql(tmp_path):
    rules = [
        {"record": f"panel_{number}", "expr": re.sub(r"\[\$\w+\]", "[5m]", target["expr"])}
        for number, (_, target) in enumerate(expressions())
    ]
    file = tmp_path / "panels.json"  # JSON is YAML
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    code, says = run_promtool("check", "rules", str(file))
    assert code == 0, says
    assert f"{len(rules)} rules found" in says


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_every_panel_has_a_unit_and_the_data_source_of_the_dashboard(panel):
    assert panel["fieldConfig"]["defaults"]["unit"]
    for part in (panel, *panel["targets"]):
        assert part["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
