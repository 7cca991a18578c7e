"""The web application (WSGI): a request is decoded, one function answers it, the answer is encoded."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from . import accounts, catalogue, pages, sessions

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

LARGEST_FORM = 10_000
COOKIE = "shop"


@dataclass(frozen=True)
class Request:
    """What was asked, by whom, and when (seconds since 1970)."""

    address: str
    form: dict[str, str]
    token: str
    account: int | None
    now: int


@dataclass(frozen=True)
class Answer:
    """What is sent back."""

    status: HTTPStatus
    body: str
    headers: list[tuple[str, str]] = field(default_factory=list)


class Shop:
    """The application over one database and one clock."""

    def __init__(self, database: sqlite3.Connection, clock: Callable[[], int]) -> None:
        """Keep the two; nothing is opened here."""
        self._database = database
        self._clock = clock
        self._routes: dict[str, Callable[[Request], Answer]] = {
            "GET /": self._shelf,
            "GET /login": self._ask,
            "POST /login": self._log_in,
            "POST /logout": self._log_out,
            "POST /order": self._order,
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        route = self._routes.get(f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO') or '/'}", self._lost)
        answer = route(self._decode(environ))
        body = answer.body.encode()
        headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))]
        headers += [("Content-Security-Policy", "default-src 'none'"), *answer.headers]
        start_response(f"{answer.status.value} {answer.status.phrase}", headers)
        return [body]

    def _decode(self, environ: WSGIEnvironment) -> Request:
        length = min(int(environ.get("CONTENT_LENGTH") or 0), LARGEST_FORM)
        form = parse_qs(environ["wsgi.input"].read(length).decode("utf-8", "replace"))
        cookie = SimpleCookie(environ.get("HTTP_COOKIE", "")).get(COOKIE)
        token = cookie.value if cookie else ""
        now = self._clock()
        account = sessions.account_of(self._database, token, now)
        fields = {name: values[0] for name, values in form.items()}
        return Request(environ.get("REMOTE_ADDR", ""), fields, token, account, now)

    def _lost(self, _: Request) -> Answer:
        return Answer(HTTPStatus.NOT_FOUND, pages.notice("No such page."))

    def _shelf(self, _: Request) -> Answer:
        return Answer(HTTPStatus.OK, pages.shelf(catalogue.products(self._database)))

    def _ask(self, _: Request) -> Answer:
        return Answer(HTTPStatus.OK, pages.login())

    def _log_in(self, request: Request) -> Answer:
        name, password = request.form.get("name", ""), request.form.get("password", "")
        try:
            account = accounts.log_in(self._database, name, password)
        except accounts.LoginRefusedError:
            return Answer(HTTPStatus.FORBIDDEN, pages.login("The name or the password is wrong."))
        token = sessions.start(self._database, account, request.now)
        cookie = f"{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/"
        return Answer(HTTPStatus.SEE_OTHER, pages.notice("Welcome."), [("Location", "/"), ("Set-Cookie", cookie)])

    def _log_out(self, request: Request) -> Answer:
        sessions.end(self._database, request.token)
        return Answer(HTTPStatus.SEE_OTHER, pages.notice("Goodbye."), [("Location", "/")])

    def _order(self, request: Request) -> Answer:
        if request.account is None:
            return Answer(HTTPStatus.FORBIDDEN, pages.login("Log in to order."))
        try:
            product, quantity = (int(request.form.get(name, "")) for name in ("product", "quantity"))
            number = catalogue.order(self._database, request.account, product, quantity)
        except (ValueError, catalogue.OutOfStockError):
            return Answer(HTTPStatus.CONFLICT, pages.notice("There are not that many left."))
        return Answer(HTTPStatus.CREATED, pages.notice(f"Order {number} is placed."))
