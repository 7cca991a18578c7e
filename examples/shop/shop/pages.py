"""The pages, as text. Whatever a person typed is escaped here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from .catalogue import Product

_PAGE = '<!doctype html><html lang="en"><title>{title}</title><h1>{title}</h1>{body}</html>'
_LOGIN = (
    '{message}<form method="post" action="/login"><input name="name"><input name="password" type="password">'
    "<button>Log in</button></form>"
)
_ROW = (
    '<li>{name}: {price} ({stock} left)<form method="post" action="/order">'
    '<input type="hidden" name="product" value="{id}"><input name="quantity" value="1">'
    "<button>Order</button></form>"
)


def shelf(products: Iterable[Product]) -> str:
    """Show what there is to buy."""
    rows = (_ROW.format(name=escape(p.name), price=f"{p.cents / 100:.2f}", stock=p.stock, id=p.id) for p in products)
    return _PAGE.format(title="Shop", body=f"<ul>{''.join(rows)}</ul>")


def login(message: str = "") -> str:
    """Ask who it is."""
    return _PAGE.format(title="Log in", body=_LOGIN.format(message=escape(message)))


def notice(text: str) -> str:
    """Say one thing."""
    return _PAGE.format(title="Shop", body=f"<p>{escape(text)}</p>")
