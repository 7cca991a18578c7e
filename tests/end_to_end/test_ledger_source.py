"""What the embedded ledger offers a decision: all that it can turn on, and of what others landed nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from countermark_ledger.bundle import Bundle
from countermark_ledger.predicates.verdict import PREDICATE_TYPE, Verdict
from countermark_ledger.statement import Statement
from countermark_service.checkout import Checkout
from countermark_service.embedded import Embedded, opened
from countermark_service.sources import from_ledger

from .conftest import Scene


@pytest.fixture
def landed(scene: Scene) -> Iterator[Embedded]:
    """Two changes have landed, each with a PASSED verdict; a third was refused."""
    for name in ("one", "two"):
        scene.branch(name, "main")
        scene.change({f"{name}.py": "x = 1\n"})
        assert scene.code() == 0
        scene.land(name)
    scene.branch("three", "main")
    scene.write({"one.py": "unsigned\n"})
    scene.commit()
    assert scene.code() == 11
    with opened(Checkout.find(scene.root).home()) as embedded:
        yield embedded


def verdicts(embedded: Embedded, *paths: str) -> list[str]:
    """Say what the offered verdicts decided, in log order."""
    files = dict(from_ledger(embedded)(frozenset(paths)))
    bundles = [Bundle.parse(raw) for path, raw in files.items() if path.endswith(".sigstore.json")]
    bundles.sort(key=lambda bundle: bundle.entry.log_index)
    found = [Statement.parse(bundle.envelope.payload) for bundle in bundles]
    return [Verdict.parse(one).outcome.value for one in found if one.predicate_type == PREDICATE_TYPE]


def test_a_verdict_is_offered_with_the_statements_that_it_used_up(landed: Embedded) -> None:
    assert verdicts(landed, "one.py") == ["PASSED"]
    assert verdicts(landed, "one.py", "two.py") == ["PASSED", "PASSED"]


def test_without_statements_about_the_paths_every_verdict_is_offered(landed: Embedded) -> None:
    assert verdicts(landed) == verdicts(landed, "nobody.py") == ["PASSED", "PASSED", "FAILED"]


@pytest.mark.parametrize("label", ["statement", "consumed"])
def test_an_index_that_does_not_know_which_is_asked_for_all_that_passed(label: str, landed: Embedded) -> None:
    with closing(sqlite3.connect(landed.store._engine.url.database)) as connection:
        assert connection.execute("DELETE FROM entry_label WHERE name = ?", (label,)).rowcount >= 2
        connection.commit()
    assert verdicts(landed, "one.py")[:2] == ["PASSED", "PASSED"]


def test_a_bundle_that_is_gone_is_told_and_not_passed_over(landed: Embedded, scene: Scene) -> None:
    with closing(sqlite3.connect(landed.store._engine.url.database)) as connection:
        connection.execute("DELETE FROM blob WHERE kind = 'bundle'")
        connection.commit()
    assert scene.code(head="one") != 0
