"""What there is to buy, and buying it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True)
class Product:
    """One kind of thing on the shelf; the price is in cents."""

    id: int
    name: str
    cents: int
    stock: int


class OutOfStockError(Exception):
    """There are fewer on the shelf than were ordered, or there is no such product."""


def add(database: sqlite3.Connection, name: str, cents: int, stock: int) -> int:
    """Put a product on the shelf and return its id."""
    with database:
        row = database.execute(
            "insert into product (name, cents, stock) values (?, ?, ?) returning id", (name, cents, stock)
        ).fetchone()
    return int(row[0])


def products(database: sqlite3.Connection) -> list[Product]:
    """List what there is, by name."""
    rows = database.execute("select id, name, cents, stock from product order by name")
    return [Product(*row) for row in rows]


def order(database: sqlite3.Connection, account: int, product: int, quantity: int) -> int:
    """Take the products off the shelf in one transaction and return the purchase's id."""
    with database:
        taken = database.execute(
            "update product set stock = stock - ? where id = ? and stock >= ?", (quantity, product, quantity)
        )
        if quantity < 1 or taken.rowcount != 1:
            raise OutOfStockError
        row = database.execute(
            "insert into purchase (account, product, quantity) values (?, ?, ?) returning id",
            (account, product, quantity),
        ).fetchone()
    return int(row[0])
