"""Claims of other tools: what may be one at all, and a table that keeps them apart from everything that is signed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from countermark_ledger.errors import Malformed, TooLarge
from countermark_service.attribution import claims
from countermark_service.attribution.claims import Claim, Contributor, Format, Known, Source, distinct
from countermark_service.store import migrate
from countermark_service.store.claims import MAX_OF_PATH
from countermark_service.store.engine import sqlite_engine, writing
from countermark_service.store.sql import SqlStore

COMMIT = "a" * 40
CLAIM = Claim(COMMIT, "src/app.py", 3, 5, Contributor.AI, "cursor", "anthropic/claude")
SOURCE = Source.of(Format.GIT_AI, b"a note")
KNOWN = Known(CLAIM, SOURCE)


def another(**other: object) -> Known:
    return Known(replace(CLAIM, **other), SOURCE)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with SqlStore.open(tmp_path / "store.sqlite", create=True) as store:
        yield store


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"path": "../secret"}, id="above-the-repository"),
        pytest.param({"path": "/etc/passwd"}, id="absolute"),
        pytest.param({"path": "a/../../b"}, id="up-in-the-middle"),
        pytest.param({"path": "..\\b"}, id="up-by-a-backslash"),
        pytest.param({"path": ".git/config"}, id="the-git-directory"),
        pytest.param({"path": "a/.GIT/hooks/x"}, id="the-git-directory-in-another-case"),
        pytest.param({"path": ""}, id="no-path"),
        pytest.param({"path": "a\nb"}, id="line-break-in-a-path"),
        pytest.param({"path": "a\x1b[31m"}, id="escape-in-a-path"),
        pytest.param({"path": "a\u202eb"}, id="bidi-in-a-path"),
        pytest.param({"path": "a\ud800"}, id="surrogate-in-a-path"),
        pytest.param({"path": "a" * 5000}, id="endless-path"),
        pytest.param({"commit": "HEAD"}, id="a-name-instead-of-a-commit"),
        pytest.param({"commit": "A" * 40}, id="a-commit-in-capitals"),
        pytest.param({"first": 0}, id="line-zero"),
        pytest.param({"first": 6}, id="range-backwards"),
        pytest.param({"last": 10**8}, id="endless-range"),
        pytest.param({"tool": "x\n"}, id="line-break-in-a-tool"),
        pytest.param({"model": "x\x00"}, id="nul-in-a-model"),
        pytest.param({"model": "x\ud800"}, id="surrogate-in-a-model"),
        pytest.param({"model": "x" * 251}, id="endless-model"),
    ],
)
def test_what_no_repository_has_and_no_terminal_shows_is_no_claim(other: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        replace(CLAIM, **other)


def test_a_claim_said_twice_is_one_and_there_is_an_end_to_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert distinct([KNOWN, another(first=4), KNOWN]) == (KNOWN, another(first=4))
    monkeypatch.setattr(claims, "MAX_CLAIMS", 2)
    with pytest.raises(TooLarge):
        distinct(another(last=last) for last in range(3, 6))


def test_claims_are_kept_once_by_repository_and_source(store: SqlStore) -> None:
    again = Known(CLAIM, Source.of(Format.AGENT_TRACE, b"a record"))
    assert store.add_claims("one", [KNOWN, another(path="other.py")]) == 2
    assert store.add_claims("one", [KNOWN]) == 0
    assert store.add_claims("one", [again]) == 1
    assert store.add_claims("two", [KNOWN]) == 1
    assert set(store.claims("one", CLAIM.path)) == {KNOWN, again}
    assert store.claims("one", "nothing.py") == []
    assert store.claims("three", CLAIM.path) == []


def test_more_claims_than_fit_one_statement_are_kept(store: SqlStore) -> None:
    many = [another(first=line, last=line) for line in range(1, 12_001)]
    assert store.add_claims("one", many) == 12_000
    assert len(store.claims("one", CLAIM.path)) == MAX_OF_PATH


def test_a_store_of_the_first_release_gets_the_table_and_keeps_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    engine = sqlite_engine(path, create=True)
    config = Config()
    config.set_main_option("script_location", str(migrate.FOLDER))
    config.set_main_option("path_separator", "os")
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql("INSERT INTO identity VALUES ('x', 'agent', 'bot', 1, '{}')")
    engine.dispose()
    with SqlStore.open(path) as store:
        assert [row.name for row in store.identities()] == ["bot"]
        assert store.add_claims("one", [KNOWN]) == 1
