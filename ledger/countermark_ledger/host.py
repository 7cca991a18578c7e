"""Bare host names: what a log may be called, so that every client can reach and compare it.

Layer: ledger core. Imports nothing of ours but `errors`; does no I/O.
Trust: the name is hostile until `check_host` returns. A path, a port or an upper-case letter breaks a stock
client (FORMATS.md section 1, log origin).
"""

from __future__ import annotations

import re

from .errors import Malformed

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)*(?![0-9]+\Z){_LABEL}")


def check_host(name: str) -> None:
    """Refuse everything but a lower-case DNS name (RFC 1123 2.1); an address is not one."""
    if not _HOST.fullmatch(name):
        raise Malformed(f"expected a bare lower-case host name, found {name[:80]!r}")
