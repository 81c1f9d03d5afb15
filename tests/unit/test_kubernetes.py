"""The DaemonSet: it gives what tracing needs and nothing else, and runs a command that exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcpconntop.kernel.privileges import Caller
from tcpconntop.options import parse

yaml = pytest.importorskip("yaml", reason="not run: PyYAML is not installed (`make test` gets it)")

FILE = Path(__file__).parents[2] / "packaging" / "kubernetes" / "daemonset.yaml"


@pytest.fixture
def pod():
    return yaml.safe_load(FILE.read_text())["spec"]["template"]


@pytest.fixture
def container(pod):
    (only,) = pod["spec"]["containers"]
    return only


def test_it_selects_its_own_pods(pod):
    document = yaml.safe_load(FILE.read_text())
    assert (document["apiVersion"], document["kind"]) == ("apps/v1", "DaemonSet")
    assert document["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()


def test_its_capabilities_are_enough_to_trace_and_each_of_them_is_needed(container):
    given = container["securityContext"]["capabilities"]
    assert given["drop"] == ["ALL"]
    names = {f"CAP_{name}" for name in given["add"]}
    assert "CAP_SYS_ADMIN" not in names
    assert Caller(tuple(names), is_root=True).may_trace
    for name in names:
        assert not Caller(tuple(names - {name}), is_root=True).may_trace, name


def test_it_has_nothing_else_of_the_node_and_nothing_of_the_api(pod, container):
    spec, context = pod["spec"], container["securityContext"]
    assert spec["automountServiceAccountToken"] is False
    assert "serviceAccountName" not in spec
    assert (spec["hostPID"], spec["hostNetwork"], spec["hostIPC"]) == (True, False, False)
    assert "volumes" not in spec
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert (context["privileged"], context["allowPrivilegeEscalation"]) == (False, False)
    assert context["readOnlyRootFilesystem"] is True
    assert "hostPort" not in container["ports"][0]


def test_its_command_exists_and_listens_on_the_port_that_is_scraped(pod, container):
    options = parse(container["args"])
    (port,) = container["ports"]
    assert options.command == "exporter"
    assert options.listen == ("", port["containerPort"])
    assert pod["metadata"]["annotations"]["prometheus.io/port"] == str(port["containerPort"])
    for probe in ("livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"] == {"path": "/-/healthy", "port": port["name"]}
