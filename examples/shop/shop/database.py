"""The tables of the shop, and the one way to open them."""

from __future__ import annotations

import sqlite3

SCHEMA = """
create table if not exists account (
    id integer primary key,
    name text not null unique,
    salt blob not null,
    digest blob not null
);
create table if not exists session (
    token_sha256 text primary key,
    account integer not null references account (id),
    expires integer not null
);
create table if not exists product (
    id integer primary key,
    name text not null unique,
    cents integer not null check (cents > 0),
    stock integer not null check (stock >= 0)
);
create table if not exists purchase (
    id integer primary key,
    account integer not null references account (id),
    product integer not null references product (id),
    quantity integer not null check (quantity > 0)
);
"""


def connect(path: str) -> sqlite3.Connection:
    """Open the database, made on first use, with foreign keys enforced."""
    database = sqlite3.connect(path)
    database.execute("pragma foreign_keys = on")
    database.executescript(SCHEMA)
    return database
