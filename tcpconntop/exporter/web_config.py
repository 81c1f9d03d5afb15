"""TLS and passwords of the exporter: the file of `--web-config`. Pure, but for the loading of certificates.

[tls_server_config]
cert_file = "server.crt"      # names without a folder are looked for beside this file
key_file = "server.key"
client_ca_file = "ca.crt"     # if given, every client needs a certificate of this authority

[basic_auth_users]
prometheus = "$2b$10$…"       # a bcrypt hash: htpasswd -nBC 10 prometheus

Tables and keys are those of exporter-toolkit, Prometheus's own library, which reads YAML. Here it is TOML, as
our settings are: that parser is there already.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcpconntop.core.errors import EXIT_USAGE, FatalError
from tcpconntop.core.format import printable
from tcpconntop.core.toml import TomlBoundError, parse_toml

if TYPE_CHECKING:
    import ssl

_BCRYPT = re.compile(r"\$2[aby]\$(0[4-9]|1[0-5])\$[./A-Za-z0-9]{53}")
_TLS_KEYS = ("cert_file", "key_file", "client_ca_file")


class WebConfigError(FatalError):
    """The file is not valid, or names something that cannot be used."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message), EXIT_USAGE)


@dataclass(frozen=True)
class WebConfig:
    """How clients are let in.

    Attributes:
        cert_file: certificate of the server, PEM; None for HTTP without TLS.
        key_file: its private key.
        client_ca_file: the authority of client certificates; None if clients need none.
        users: bcrypt hashes by user; empty if nobody needs a password.
    """

    cert_file: Path | None = None
    key_file: Path | None = None
    client_ca_file: Path | None = None
    users: Mapping[str, str] = field(default_factory=dict, repr=False)

    def tls(self) -> ssl.SSLContext | None:
        """Return the TLS context; None for HTTP without TLS.

        Raises:
            WebConfigError: a file cannot be read or is not valid.
        """
        if self.cert_file is None:
            return None
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            # A password for the key would be asked for on the terminal.
            context.load_cert_chain(self.cert_file, self.key_file, password=lambda: "")
            if self.client_ca_file is not None:
                context.load_verify_locations(self.client_ca_file)
                context.verify_mode = ssl.CERT_REQUIRED
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            files = f"{self.cert_file}, {self.key_file} or {self.client_ca_file}"
            reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
            raise WebConfigError(f"cannot use {files} for TLS: {reason}") from None
        return context


def parse_web_config(text: str, file: Path) -> WebConfig:
    """Return the settings in `text`, which is that of `file`.

    Raises:
        WebConfigError: it is not valid; no line of it is in the message, as it has secrets.
    """
    try:
        document = parse_toml(text)
    except TomlBoundError as error:
        raise WebConfigError(f"{file}: {error}") from None
    except ValueError:
        raise WebConfigError(f"{file}: it is not TOML") from None
    if unknown := document.keys() - {"tls_server_config", "basic_auth_users"}:
        raise WebConfigError(f"{file}: {min(unknown)}: there is no such table")
    return WebConfig(**_files(document, file), users=_users(document, file))


def _files(document: Mapping[str, Any], file: Path) -> dict[str, Path]:
    table = document.get("tls_server_config", {})
    if not isinstance(table, dict) or not all(isinstance(name, str) and name for name in table.values()):
        raise WebConfigError(f"{file}: tls_server_config: its values are names of files")
    if unknown := table.keys() - {*_TLS_KEYS}:
        raise WebConfigError(f"{file}: tls_server_config.{min(unknown)}: there is no such key")
    if "tls_server_config" in document and not {"cert_file", "key_file"} <= table.keys():
        raise WebConfigError(f"{file}: tls_server_config needs cert_file and key_file")
    return {key: file.absolute().parent / name for key, name in table.items()}


def _users(document: Mapping[str, Any], file: Path) -> dict[str, str]:
    table = document.get("basic_auth_users", {})
    if not isinstance(table, dict) or ("basic_auth_users" in document and not table):
        raise WebConfigError(f"{file}: basic_auth_users: give each user a bcrypt hash")
    for user, hashed in table.items():
        if ":" in user or not isinstance(hashed, str) or not _BCRYPT.fullmatch(hashed):
            raise WebConfigError(
                f"{file}: basic_auth_users.{user}: not a bcrypt hash (htpasswd -nBC 10 makes one)"
            )
    return table
