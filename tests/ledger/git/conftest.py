"""Real repositories for the tests of the git room."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location("git_checkout", Path(__file__).parent / "checkout.py")
_MODULE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)


@pytest.fixture(scope="session")
def checkout_class() -> type:
    return _MODULE.Checkout


@pytest.fixture(scope="session")
def tree_bytes():  # noqa: ANN201  # a function of the helper module
    return _MODULE.tree_bytes


@pytest.fixture
def checkout(tmp_path: Path):  # noqa: ANN201  # a class of the helper module
    """An empty repository on an unborn branch `main`."""
    return _MODULE.Checkout.new(tmp_path / "work")
