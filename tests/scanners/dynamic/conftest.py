"""The sandbox, where this machine has one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from countermark_scanners.dynamic.bubblewrap import Bubblewrap
from countermark_scanners.dynamic.sandbox import Sandbox


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    """Find bubblewrap and strace: those that `parts/bubblewrap.sh` brought, or this system's own."""
    parts = os.environ.get("COUNTERMARK_PARTS")
    brought = Path(parts, "bubblewrap", "usr", "bin") if parts else None
    if brought and (brought / "bwrap").is_file() and (brought / "strace").is_file():
        return Bubblewrap(brought / "bwrap", brought / "strace")
    return Bubblewrap.found()
