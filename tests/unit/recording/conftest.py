"""A whole recording, for tests that read, damage and play it."""

from __future__ import annotations

import pytest
from recordings import Scenario, record


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("recording") / "whole"
    record(path, Scenario(4))
    return path.read_bytes()
