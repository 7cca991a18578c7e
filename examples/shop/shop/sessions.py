"""Sessions: a random token in a cookie, kept only as its digest, gone after a day."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3

SECONDS = 24 * 60 * 60


def start(database: sqlite3.Connection, account: int, now: int) -> str:
    """Return a new token for the account."""
    token = secrets.token_urlsafe(32)
    with database:
        database.execute("delete from session where expires <= ?", (now,))
        database.execute("insert into session values (?, ?, ?)", (_sha256(token), account, now + SECONDS))
    return token


def account_of(database: sqlite3.Connection, token: str, now: int) -> int | None:
    """Return whose token it is, or nobody's."""
    row = database.execute(
        "select account from session where token_sha256 = ? and expires > ?", (_sha256(token), now)
    ).fetchone()
    return int(row[0]) if row else None


def end(database: sqlite3.Connection, token: str) -> None:
    """Forget the token."""
    with database:
        database.execute("delete from session where token_sha256 = ?", (_sha256(token),))


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
