"""One authority, founded once, for every test that shows our material to programs we did not write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from countermark_ledger.authority import Authority, create_authority


@pytest.fixture(scope="session")
def founded() -> datetime:
    """An hour ago: stock clients read the machine's clock when they choose services."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


@pytest.fixture(scope="session")
def stock_authority(tmp_path_factory: pytest.TempPathFactory, founded: datetime) -> Authority:
    return create_authority(tmp_path_factory.mktemp("conformance") / "keys", "countermark.example", founded)
