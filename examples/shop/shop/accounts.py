"""Accounts: a name, and a password kept only as a salted scrypt digest."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3

SHORTEST_PASSWORD = 12
_NOBODY = (0, b"nobody", b"")


class LoginRefusedError(Exception):
    """The name or the password is wrong; which of them is not told."""


class WeakPasswordError(Exception):
    """The password is too short."""


def register(database: sqlite3.Connection, name: str, password: str) -> int:
    """Make an account and return its id."""
    if len(password) < SHORTEST_PASSWORD:
        raise WeakPasswordError
    salt = secrets.token_bytes(16)
    with database:
        row = database.execute(
            "insert into account (name, salt, digest) values (?, ?, ?) returning id",
            (name, salt, _digest(password, salt)),
        ).fetchone()
    return int(row[0])


def log_in(database: sqlite3.Connection, name: str, password: str) -> int:
    """Return the account's id; an unknown name costs as much time as a wrong password."""
    found = database.execute("select id, salt, digest from account where name = ?", (name,)).fetchone()
    account, salt, digest = found or _NOBODY
    if not hmac.compare_digest(_digest(password, salt), digest):
        raise LoginRefusedError
    return int(account)


def _digest(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)
