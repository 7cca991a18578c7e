"""The sandbox, where this machine has one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from countermark_scanners import dynamic


@pytest.fixture(scope="session")
def sandbox() -> dynamic.Sandbox:
    """Find bubblewrap and strace: those that `parts/bubblewrap.sh` brought, or this system's own."""
    parts = os.environ.get("COUNTERMARK_PARTS")
    brought = Path(parts, "bubblewrap", "usr", "bin") if parts else None
    if brought and (brought / "bwrap").is_file() and (brought / "strace").is_file():
        return dynamic.Bubblewrap(brought / "bwrap", brought / "strace")
    return dynamic.Bubblewrap.found()
