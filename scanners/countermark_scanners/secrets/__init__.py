"""Credentials written into a file: by their shape, by the name they are given to, and where they are wrapped.

Layer: scanners. One member of the family in `registry`; runs as a native scanner.
Trust: every file is hostile. No finding holds a secret: at most the first four characters of one whose shape is known.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import defaultdict
from typing import TYPE_CHECKING

from .. import catalogue
from ..catalogue import Rule
from ..errors import Unreadable
from ..finding import Confidence, Hit, Severity
from ..native import native
from ..question import Question
from . import addresses, assignments, keys, tokens, views

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .views import View

    _Within = list[tuple[int, int]] | None

NAME = "secrets"
_MOST = 5_000  # findings in one file; a file with more is no text that anybody can judge
_DEPTH = 3  # encoded within encoded
_JWT = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,2000}\.(eyJ[A-Za-z0-9_-]{2,8000})\.[A-Za-z0-9_-]{20,2000}")
_TEXTS_ONLY = frozenset({"binary", "archive"})
_PUBLIC_JWT = ('"sub":"1234567890"', '"role":"anon"')


def _rules() -> dict[str, Rule]:
    return catalogue.load(NAME)


def look(question: Question) -> list[Hit]:
    """Find the secrets of one file."""
    whole = views.view(question.content)
    is_text = question.language not in _TEXTS_ONLY
    hits = _Hits(whole)
    hits.read(whole, is_text=is_text)
    if is_text and (together := views.joined(whole)) is not None:
        hits.read(together, is_text=True)
    return hits.found


class _Hits:
    """What was found: each line at most once by each rule and kind."""

    def __init__(self, whole: View) -> None:
        self.whole = whole
        self.found: list[Hit] = []
        self._said: set[tuple[str, int, str]] = set()
        self._values: defaultdict[int, set[str]] = defaultdict(set)  # by line

    def read(self, view: View, *, is_text: bool, within: _Within = None, depth: int = 0) -> None:
        """Look at a view; `within` are the places of the word of which the view is the plain text."""
        for token in tokens.find(view):
            for place in within or _places(view, token.value):
                self._token(place, token)
        self._jwts(view, within)
        for key in keys.find(view):
            for place in within or [view.place(key.at)]:
                hit = _rules()["private-key"].hit(
                    *place, severity=key.severity, confidence=key.confidence, kind=key.kind
                )
                self._add(hit, "")
        if is_text:
            self._named(view, within)
        if depth < _DEPTH:
            for word, plain in views.decoded(view.words):
                self.read(plain, is_text=is_text, within=within or list(_places(view, word)), depth=depth + 1)

    def _token(self, place: tuple[int, int], token: tokens.Token) -> None:
        self._values[place[0]].add(token.value)
        if token.example:
            self._add(_rules()["public-example-secret"].hit(*place, kind=token.kind), token.value)
            return
        shown = f"{token.value[:4]}…"
        rule = _rules()["provider-token"]
        hit = rule.hit(*place, severity=token.severity, confidence=token.confidence, kind=token.kind, shown=shown)
        self._add(hit, token.value)

    def _jwts(self, view: View, within: _Within) -> None:
        if "eyj" not in view.lower:
            return
        for match in _JWT.finditer(view.text):
            claims = _claims(match[1])
            if claims is None:
                continue
            public = any(part in claims for part in _PUBLIC_JWT)
            for place in within or [view.place(match.start())]:
                self._values[place[0]].add(match[0])
                severity = Severity.INFO if public else None
                self._add(_rules()["signed-token"].hit(*place, severity=severity, shown="eyJ…"), match[0])

    def _named(self, view: View, within: _Within) -> None:
        for at, password, host in addresses.in_urls(view):
            severity = Severity.LOW if addresses.is_free_host(host) else None
            for place in within or [view.place(at)]:
                self._values[place[0]].add(password)
                self._add(_rules()["url-password"].hit(*place, severity=severity), password)
        for at, value in addresses.in_headers(view):
            self._secret(view, at, value, within, what="request", confidence=Confidence.HIGH)
        for one in assignments.find(view):
            self._secret(view, one.at, one.value, within, what=one.what, confidence=one.confidence)

    def _secret(self, view: View, at: int, value: str, within: _Within, *, what: str, confidence: Confidence) -> None:
        for place in within or [view.place(at)]:
            if any(known in value or value in known for known in self._values[place[0]]):
                continue
            self._values[place[0]].add(value)
            self._add(_rules()["hard-coded-secret"].hit(*place, confidence=confidence, what=what), value)

    def _add(self, hit: Hit, value: str) -> None:
        mark = (hit.rule, hit.line, value)
        if mark in self._said:
            return
        self._said.add(mark)
        self.found.append(hit)
        if len(self.found) > _MOST:
            raise Unreadable(f"more than {_MOST} secrets")


def _places(view: View, value: str) -> Iterator[tuple[int, int]]:
    at = view.text.find(value)
    while at >= 0:
        yield view.place(at)
        at = view.text.find(value, at + len(value))


def _claims(payload: str) -> str | None:
    """Give a token's claims as text without spaces; None when they are no JSON object."""
    try:
        plain = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, binascii.Error, RecursionError):  # no token then, whatever it looks like
        return None
    return json.dumps(plain, separators=(",", ":")) if isinstance(plain, dict) else None


SCANNER = native(
    NAME,
    module=__name__,
    covers=frozenset(),
    reads=None,
    sees=frozenset(),
    canary=Question("python", b'import os\n\nSERVICE_TOKEN = "8f2Kq0vLr7XwZ3mTb9Yc5NdH"\n'),
    planted=frozenset({("hard-coded-secret", 3)}),
)
