"""A process that no platform runs, whoever runs the tests."""

from __future__ import annotations

import pytest

from countermark_service.ci import platforms


@pytest.fixture(autouse=True)
def no_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in platforms.MARKERS:
        monkeypatch.delenv(name, raising=False)
