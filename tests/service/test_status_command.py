"""`status`: what is revoked, and until when that answer is good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from countermark_ledger import shape
from countermark_service.embedded import opened

from .conftest import Desk


def test_the_newest_status_is_shown(desk: Desk) -> None:
    shown = desk.json("status", "show", "--json")
    assert shown["revocations"] == []
    assert f"status {shown['number']}, due for renewal by {shown['nextUpdate']}" in desk.must("status", "show")


def test_renewing_signs_the_next_number_good_for_seven_days(desk: Desk) -> None:
    before = desk.json("status", "show", "--json")
    after = desk.json("status", "renew", "--json")
    assert after["number"] == before["number"] + 1
    life = shape.time(after["nextUpdate"], "") - shape.time(after["issuedOn"], "")
    assert life == timedelta(days=7)
    assert abs(shape.time(after["issuedOn"], "") - datetime.now(UTC)) < timedelta(minutes=5)


def test_every_signature_renews_the_status(desk: Desk) -> None:
    before = desk.json("status", "show", "--json")["number"]
    desk.record("echo x >> app.py")
    assert desk.json("status", "show", "--json")["number"] == before + 1


def test_the_status_counts_the_entries_before_it(desk: Desk) -> None:
    shown = desk.json("status", "renew", "--json")
    with opened(desk.home) as ledger:
        assert shown["logSize"] == ledger.log.head.size - 1


def test_revocations_are_listed(desk: Desk) -> None:
    desk.must("agent", "revoke", "coder", "--since", "2026-01-02T03:04:05Z", "--reason", "stolen")
    line = desk.must("status", "show").splitlines()[1]
    assert line.startswith("revoked identity spiffe://")
    assert line.endswith(": stolen")
    assert "2026-01-02T03:04:05Z" in line


def test_a_ledger_without_a_status_says_how_to_get_one(desk: Desk) -> None:
    with opened(desk.home) as ledger, ledger.store._engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        connection.exec_driver_sql("DELETE FROM entry_index WHERE predicate_type LIKE '%status%'")
    assert "countermark status renew" in desk.refused(20, "status", "show")
