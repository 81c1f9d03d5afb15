"""Modules that are imported when something of them is first used.

The first frame needs the names of columns and groupings, and nothing that computes. numpy and what is made of
it take 0.1 to 0.2 s of CPU time to import. So the modules that the first frame needs say:

    if TYPE_CHECKING:
        from tcpconntop.core.window import stats as st
    else:
        st = lazy("tcpconntop.core.window.stats")

Once the frame is painted, `load_all` imports them, so that nothing stops for them later.
`tests/unit/test_layers.py` holds that the first frame is painted without numpy.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

__all__ = ["lazy", "load_all", "np"]

_names: set[str] = set()


class _LazyModule(ModuleType):
    """Stands for a module: what is asked for is taken from it, once."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what the import system asks any module for
            raise AttributeError(name)
        value = getattr(import_module(self.__name__), name)
        setattr(self, name, value)
        return value


def lazy(name: str) -> ModuleType:
    """Return a stand-in for a module, which is imported when something of it is first used."""
    _names.add(name)
    return _LazyModule(name)


def load_all() -> None:
    """Import now what stands for a module so far, and what that asks for in its turn."""
    loaded: set[str] = set()
    while waiting := _names - loaded:
        for name in sorted(waiting):
            import_module(name)
        loaded |= waiting


if TYPE_CHECKING:
    import numpy as np
else:
    np = lazy("numpy")
