"""Real repositories for the tests of the git room."""

from __future__ import annotations

from pathlib import Path

import pytest

from .checkout import Checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Make an empty repository on an unborn branch `main`."""
    return Checkout.new(tmp_path / "work")
