"""Passwords in addresses, in headers and on command lines.

Layer: scanners. Imports `credible`; does no I/O.
Trust: the text is hostile. Every pattern starts with fixed letters and repeats within bounds.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from . import credible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .views import View

_URL = re.compile(r"""://([^\s/:@"'`<>\\,;]{0,100}):([^\s@"'`<>\\]{3,200})@([\w.\[\]-]{1,200})""")
_HEADER = re.compile(
    r"""(?<![\w:])authorization["']?[ \t]{0,5}[:=,][ \t]{0,5}\\?["']?(?:(?:bearer|token|basic|apikey)[ \t]{1,5})?"""
    r"""([^\s"'`\\]{8,500})"""
)
_CUSTOM = re.compile(r"""x-[a-z-]{0,30}(?:key|token|secret)[ \t]{0,5}:[ \t]{0,5}([^\s"'`\\]{8,500})""")
_CURL = re.compile(r"""curl [^\n]{0,300}?(?:-u|--user)[ \t=]{0,3}(["']?)([^\s:"'$]{1,100}):([^\s"']{3,200})\1""")
_NETRC = re.compile(r"""login[ \t\n]{1,5}\S{1,100}[ \t\n]{1,5}password[ \t]{1,5}([^\s#]\S{7,200})""")
_FREE_HOSTS = frozenset({"localhost", "host", "hostname", "server", "myhost", "db", "database", "[::1]", "test"})
_FREE_STARTS = ("example.", "127.", "0.0.0.0", "192.168.", "10.", "172.17.", "host.docker.")  # noqa: S104  # not bound
_FREE_ENDS = (".example", ".test", ".invalid", ".example.com", ".example.org", ".localhost")
_PORT = re.compile(r"\d*(?:/|\Z)")
_TEMPLATE = re.compile(r"[${}<>*%\[\]]")


def in_urls(view: View) -> Iterator[tuple[int, str, str]]:
    """Give the place, the password and the host of each address that carries a password."""
    if "://" not in view.lower:
        return
    for match in _URL.finditer(view.text):
        user, password, host = match.groups()
        if _is_password(user, password):
            yield match.start(2), password, host


def in_headers(view: View) -> Iterator[tuple[int, str]]:
    """Give the place and the value of each credential that a header or a command line shows."""
    lower, text = view.lower, view.text
    for word, pattern in (("authorization", _HEADER), ("x-", _CUSTOM)):
        if word in lower:
            for match in pattern.finditer(lower):
                value = text[match.start(1) : match.end(1)]
                if not _TEMPLATE.search(value) and not credible.is_placeholder(value) and _is_header_value(value):
                    yield match.start(1), value
    for word, pattern, group in (("curl ", _CURL, 3), ("login", _NETRC, 1)):
        if word in lower:
            for match in pattern.finditer(lower):
                value = text[match.start(group) : match.end(group)]
                if _is_password("" if group == 1 else match[2], value):
                    yield match.start(group), value


def is_free_host(host: str) -> bool:
    """Say whether the host is one's own machine, or nobody's."""
    name = host.lower()
    return name in _FREE_HOSTS or name.startswith(_FREE_STARTS) or name.endswith(_FREE_ENDS)


def _is_password(user: str, password: str) -> bool:
    if _TEMPLATE.search(password) or _TEMPLATE.search(user) or password.lower() == user.lower():
        return False
    return not credible.is_placeholder(password) and not _PORT.match(password)


def _is_header_value(value: str) -> bool:
    if credible.is_random(value):
        return True
    try:
        plain = base64.b64decode(value, validate=True).decode("ascii")
    except ValueError:  # no base64, so no user and password
        return False
    user, colon, password = plain.partition(":")
    return bool(colon) and plain.isprintable() and _is_password(user, password)
