"""The settings file: TOML whose keys are named like the long options. Pure: text in, settings out.

window = "5m"
sort = "fail:desc"
theme = "nord"

[keys]
filter = ["f", "slash"]
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SettingValue = str | float | bool


class ConfigError(ValueError):
    """A settings file that cannot be understood; the message is one line that names file and key."""


@dataclass(frozen=True)
class Config:
    """What settings files say.

    Attributes:
        options: defaults of the command line, by long option without its dashes.
        keys: what to press for an action, by the action's name.
        theme: name of the colours; empty where nothing is said.
        origins: the file that says it, by key (`window`, `theme`, `keys.filter`).
    """

    options: Mapping[str, SettingValue] = field(default_factory=dict)
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    theme: str = ""
    origins: Mapping[str, str] = field(default_factory=dict)

    def location(self, key: str) -> str:
        """Say which file and key a complaint is about; empty where no file speaks of it."""
        return f"{self.origins[key]}: {_shown(key)}: " if key in self.origins else ""


def _text(value: Any) -> SettingValue | None:
    return value if isinstance(value, str) else None


def _one_of(*words: str) -> Callable[[Any], SettingValue | None]:
    return lambda value: value if isinstance(value, str) and value in words else None


def _seconds(value: Any) -> SettingValue | None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and 0.1 <= value <= 3600 else None


def _switch(value: Any) -> SettingValue | None:
    return value if isinstance(value, bool) else None


def _whole(value: Any) -> SettingValue | None:
    # As text, which the option's own check then takes like one from the command line.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _words(value: Any) -> SettingValue | None:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        return None
    return ",".join(value)


SETTINGS: Mapping[str, tuple[Callable[[Any], SettingValue | None], str]] = {
    "window": (_text, 'a text such as "5m"'),
    "group": (_text, 'a text such as "process"'),
    "sort": (_text, 'a text such as "p99:desc"'),
    "delay": (_seconds, "a number of seconds from 0.1 to 3600"),
    "filter": (_text, 'a text such as "dport=443"'),
    "probe": (
        _one_of("auto", "fentry", "kprobe", "tracepoint"),
        '"auto", "fentry", "kprobe" or "tracepoint"',
    ),
    "transport": (_one_of("auto", "ring", "perf"), '"auto", "ring" or "perf"'),
    "columns": (_words, 'a list of texts such as ["daddr", "p99"]'),
    "dns": (_switch, "true or false"),
    "max-keys": (_whole, "a whole number from 1"),
}
"""How each key is checked, and what it must be."""


def parse_config(text: str, name: str) -> Config:
    """Understand a settings file.

    Args:
        text: what is in it.
        name: the file, for complaints.

    Raises:
        ConfigError: it is no TOML, has a key that means nothing here, or a value of the wrong kind.
    """
    options: dict[str, SettingValue] = {}
    keys: dict[str, tuple[str, ...]] = {}
    theme = ""
    for key, value in _toml(text, name).items():
        if key == "keys":
            keys = _keys(value, name)
        elif key == "theme":
            theme = str(_checked(key, value, (_text, 'a text such as "nord"'), name))
        elif key in SETTINGS:
            options[key] = _checked(key, value, SETTINGS[key], name)
        else:
            known = ", ".join(sorted([*SETTINGS, "theme", "keys"]))
            raise ConfigError(f"{name}: {_shown(key)}: there is no such setting; there are: {known}")
    said = [*options, *(["theme"] if theme else []), *(f"keys.{action}" for action in keys)]
    return Config(options, keys, theme, dict.fromkeys(said, name))


def merge_configs(configs: Sequence[Config]) -> Config:
    """Put several together; a later one beats an earlier one, key by key."""
    theme = next((config.theme for config in reversed(configs) if config.theme), "")
    return Config(
        {key: value for config in configs for key, value in config.options.items()},
        {key: value for config in configs for key, value in config.keys.items()},
        theme,
        {key: value for config in configs for key, value in config.origins.items()},
    )


def _toml(text: str, name: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib

        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{name}: {_shown(str(error))}") from None
    raise ConfigError(f"{name}: settings files need Python 3.11 or later")


def _checked(
    key: str, value: Any, rule: tuple[Callable[[Any], SettingValue | None], str], name: str
) -> SettingValue:
    check, wanted = rule
    found = check(value)
    if found is None:
        raise ConfigError(f"{name}: {key}: must be {wanted}")
    return found


def _keys(table: Any, name: str) -> dict[str, tuple[str, ...]]:
    if not isinstance(table, dict):
        raise ConfigError(f"{name}: keys: must be a table such as [keys]")
    for action, value in table.items():
        if not isinstance(value, list) or not value or not all(isinstance(key, str) for key in value):
            raise ConfigError(f'{name}: keys.{_shown(action)}: must be a list of keys such as ["f", "f3"]')
    return {action: tuple(value) for action, value in table.items()}


def _shown(text: str) -> str:
    """Make text of a file safe to print in one line."""
    return "".join(char if char.isprintable() else "·" for char in text)
