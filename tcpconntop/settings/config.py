"""Parses settings files: TOML whose keys are the long options of the command line.

window = "5m"
sort = "fail:desc"
theme = "nord"

[keys]
filter = ["f", "slash"]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tcpconntop.core.format import printable
from tcpconntop.core.limits import LOADERS, MAX_DELAY_S, MIN_DELAY_S, PROBES, TRANSPORTS
from tcpconntop.core.toml import parse_toml

SettingValue = str | float | bool | tuple[str, ...]

Rule = tuple[Callable[[Any], SettingValue | None], str]
"""How to check a setting: a function that converts its value (None if not valid), and what is valid."""


class ConfigError(ValueError):
    """A settings file is not valid; the message is one line that names the file and the key."""


@dataclass(frozen=True)
class Config:
    """The settings of one file, or of several merged.

    Attributes:
        options: defaults of the command line, by long option without its dashes.
        keys: the keys to press, by name of the action.
        theme: name of the colour theme; empty if not set.
        origins: the file that sets a key (`window`, `theme`, `keys.filter`), by key.
    """

    options: Mapping[str, SettingValue] = field(default_factory=dict)
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    theme: str = ""
    origins: Mapping[str, str] = field(default_factory=dict)

    def location(self, key: str) -> str:
        """Return `FILE: KEY: `, to begin an error message with; empty if no file sets the key."""
        return f"{self.origins[key]}: {printable(key)}: " if key in self.origins else ""


def _string(value: Any) -> SettingValue | None:
    return value if isinstance(value, str) else None


def _choice(words: Sequence[str]) -> Rule:
    *others, last = (f'"{word}"' for word in words)
    valid = f"{', '.join(others)} or {last}"
    return (lambda value: value if isinstance(value, str) and value in words else None), valid


def _seconds(value: Any) -> SettingValue | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and MIN_DELAY_S <= value <= MAX_DELAY_S else None


def _boolean(value: Any) -> SettingValue | None:
    return value if isinstance(value, bool) else None


def _positive_integer(value: Any) -> SettingValue | None:
    # As a string, because the option parses the default like a word of the command line.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _string_list(value: Any) -> SettingValue | None:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        return None
    return ",".join(value)


def _texts(value: Any) -> SettingValue | None:
    is_list = isinstance(value, list) and all(isinstance(text, str) for text in value)
    return tuple(value) if is_list else None


SETTINGS: Mapping[str, Rule] = {
    "window": (_string, 'a string such as "5m"'),
    "group": (_string, 'a string such as "process"'),
    "sort": (_string, 'a string such as "p99:desc"'),
    "delay": (_seconds, f"a number of seconds from {MIN_DELAY_S:g} to {MAX_DELAY_S:g}"),
    "filter": (_string, 'a string such as "dport=443"'),
    "probe": _choice(PROBES),
    "transport": _choice(TRANSPORTS),
    "loader": _choice(LOADERS),
    "columns": (_string_list, 'a list of strings such as ["daddr", "p99"]'),
    "ignore": (_string_list, 'a list of strings such as ["gives-up", "family"]'),
    "alert": (_texts, 'a list of strings such as ["p99>50ms dest:10.0.0.0/8"]'),
    "dns": (_boolean, "true or false"),
    "max-keys": (_positive_integer, "a whole number, at least 1"),
}
"""The settings that are options of the command line, by long option."""


def parse_config(text: str, name: str) -> Config:
    """Return the settings in the text of a file.

    Args:
        text: the content of the file.
        name: the name of the file, for error messages.

    Raises:
        ConfigError: the text is not TOML, or has an unknown key or a value that is not valid.
    """
    options: dict[str, SettingValue] = {}
    keys: dict[str, tuple[str, ...]] = {}
    theme = ""
    for key, value in _parse_toml(text, name).items():
        if key == "keys":
            keys = _parse_keys(value, name)
        elif key == "theme":
            theme = str(_convert(key, value, (_string, 'a string such as "nord"'), name))
        elif key in SETTINGS:
            options[key] = _convert(key, value, SETTINGS[key], name)
        else:
            known = ", ".join(sorted([*SETTINGS, "theme", "keys"]))
            raise ConfigError(f"{name}: {printable(key)}: no setting is called that; there are: {known}")
    set_keys = [*options, *(["theme"] if theme else []), *(f"keys.{action}" for action in keys)]
    return Config(options, keys, theme, dict.fromkeys(set_keys, name))


def merge_configs(configs: Sequence[Config]) -> Config:
    """Return all settings together; for each key, later configs override earlier ones."""
    theme = next((config.theme for config in reversed(configs) if config.theme), "")
    return Config(
        {key: value for config in configs for key, value in config.options.items()},
        {key: value for config in configs for key, value in config.keys.items()},
        theme,
        {key: value for config in configs for key, value in config.origins.items()},
    )


def _parse_toml(text: str, name: str) -> dict[str, Any]:
    try:
        return parse_toml(text)
    except ValueError as error:
        raise ConfigError(f"{name}: {printable(str(error))}") from None


def _convert(key: str, value: Any, rule: Rule, name: str) -> SettingValue:
    convert, valid = rule
    converted = convert(value)
    if converted is None:
        raise ConfigError(f"{name}: {key}: must be {valid}")
    return converted


def _parse_keys(table: Any, name: str) -> dict[str, tuple[str, ...]]:
    if not isinstance(table, dict):
        raise ConfigError(f"{name}: keys: must be a table such as [keys]")
    for action, value in table.items():
        if not isinstance(value, list) or not value or not all(isinstance(key, str) for key in value):
            raise ConfigError(f'{name}: keys.{printable(action)}: must be a list of keys such as ["f", "f3"]')
    return {action: tuple(value) for action, value in table.items()}
