"""TLS and passwords: who is let in, and what a wrong file says."""

from __future__ import annotations

import base64
import http.client
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
from exporting import Records
from records import connect

from tcpconntop.exporter.basic_auth import password_guard
from tcpconntop.exporter.collector import Collector
from tcpconntop.exporter.requests import Request
from tcpconntop.exporter.responses import Pages
from tcpconntop.exporter.server import MetricsServer
from tcpconntop.exporter.web_config import WebConfigError, parse_web_config

HASH = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"
"""Of `secret`."""


def basic(user, password):
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture
def pages():
    collector = Collector(Records(connect(times=3)), "dest", 10)
    return Pages(lambda: collector.latest)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with certificates of an authority, a server and a client, and one of a stranger."""
    if not shutil.which("openssl"):
        pytest.skip("not run: openssl is not installed")
    made = tmp_path_factory.mktemp("certificates")
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for name in ("ca", "stranger"):
        words = [*new, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt"]
        subprocess.run(words, cwd=made, check=True, capture_output=True)
    for name in ("server", "client"):
        words = [*new, "-CA", "ca.crt", "-CAkey", "ca.key", "-subj", f"/CN={name}", "-keyout", f"{name}.key"]
        words += ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]
        subprocess.run([*words, "-out", f"{name}.crt"], cwd=made, check=True, capture_output=True)
    return made


def get(port, folder, client=None):
    context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    if client:
        context.load_cert_chain(folder / f"{client}.crt", folder / f"{client}.key")
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=30, context=context)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read()
    finally:
        connection.close()


SERVER = '[tls_server_config]\ncert_file = "server.crt"\nkey_file = "server.key"\n'


def test_over_tls_the_page_is_the_same_and_plain_http_gets_nothing(folder, pages):
    tls = parse_web_config(SERVER, folder / "web.toml").tls()
    with MetricsServer("127.0.0.1", 0, tls=tls) as server:
        server.start(pages.respond)
        assert b"tcpconntop_attempts_total 3\n" in get(server.port, folder)
        plain = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        plain.request("GET", "/metrics")
        with pytest.raises((http.client.HTTPException, OSError)):
            plain.getresponse()
        plain.close()
        assert b"tcpconntop_attempts_total 3\n" in get(server.port, folder)


def test_with_an_authority_only_its_clients_are_let_in(folder, pages):
    text = SERVER + 'client_ca_file = "ca.crt"\n'
    with MetricsServer("127.0.0.1", 0, tls=parse_web_config(text, folder / "web.toml").tls()) as server:
        server.start(pages.respond)
        assert b"tcpconntop_attempts_total 3\n" in get(server.port, folder, "client")
        for client in (None, "stranger"):
            with pytest.raises((http.client.HTTPException, OSError)):
                get(server.port, folder, client)


def test_only_the_password_of_a_user_opens_any_page(pages):
    users = parse_web_config(f'[basic_auth_users]\nprom = "{HASH}"\n', Path("web.toml")).users
    respond = password_guard(users)(pages.respond)
    for path in ("/metrics", "/", "/-/healthy", "/x"):
        refused = respond(Request("GET", path))
        assert refused.status == 401
        assert refused.headers[0][0] == "WWW-Authenticate"
        assert b"tcpconntop" not in refused.body
    wrong = [basic("prom", "Secret"), basic("prom", ""), basic("", "secret"), basic("other", "secret"),
             basic("prom", "secret\0x"), basic("prom", HASH), {"authorization": "Bearer secret"},
             {"authorization": "Basic %%%"}, {"authorization": "Basic /w=="}]  # fmt: skip
    for _ in range(2):  # before and after the right one is remembered
        assert [respond(Request("GET", "/", headers)).status for headers in wrong] == [401] * len(wrong)
        assert respond(Request("GET", "/", basic("prom", "secret"))).status == 200


def test_without_users_nobody_is_asked(pages):
    assert password_guard({})(pages.respond)(Request("GET", "/metrics")).status == 200


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nonsense", "it is not TOML"),
        ('[tls_server]\nx = "y"', "tls_server: there is no such table"),
        ('[tls_server_config]\ncert_file = "x"', "needs cert_file and key_file"),
        ('[tls_server_config]\ncert = "x"', "tls_server_config.cert: there is no such key"),
        ("[tls_server_config]\ncert_file = 3", "its values are names of files"),
        ("[basic_auth_users]", "give each user a bcrypt hash"),
        ('[basic_auth_users]\nprom = "secret"', "basic_auth_users.prom: not a bcrypt hash"),
        ('[basic_auth_users]\n"a:b" = "x"', "basic_auth_users.a:b: not a bcrypt hash"),
        (f'[basic_auth_users]\na = "{HASH.replace("04", "31")}"', "not a bcrypt hash"),
        ("basic_auth_users = 3", "give each user a bcrypt hash"),
    ],
)
def test_a_wrong_file_is_one_line_without_what_is_secret(text, says):
    with pytest.raises(WebConfigError) as refused:
        parse_web_config(text, Path("web.toml"))
    assert says in str(refused.value)
    assert refused.value.exit_code == 2
    assert not {"\n", "secret"} & {*str(refused.value).split(" "), *str(refused.value)}


def test_certificates_that_are_missing_or_damaged_are_one_line(tmp_path):
    config = parse_web_config(SERVER, tmp_path / "web.toml")
    with pytest.raises(WebConfigError, match="for TLS: No such file"):
        config.tls()
    for name in ("server.crt", "server.key"):
        (tmp_path / name).write_text("-----BEGIN nothing")
    with pytest.raises(WebConfigError, match="for TLS: "):
        config.tls()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = " + "[" * 4_000, "nested too deeply"),
        ("a." * 50_000 + "b = 1", "longer than"),
        ("#\n" * 50_000, "longer than"),
    ],
    ids=["deep", "long line", "long"],
)
def test_a_file_that_would_keep_the_parser_busy_is_one_line(text, said):
    with pytest.raises(WebConfigError, match=f"^/etc/x: .*{said}"):
        parse_web_config(text, Path("/etc/x"))
