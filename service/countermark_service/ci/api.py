"""A platform's API, for the sticky comment and for nothing else: no decision ever asks the network.

Trust: the address comes from the runner, the token from the job's settings. The token leaves over TLS or to this
machine only, and never follows a redirect. What is answered is hostile: capped, and parsed strictly.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import IO
from urllib.parse import urlsplit

from countermark_ledger import canonical
from countermark_ledger.canonical import Json
from countermark_service.exits import Inconclusive, UsageError

MAX_ANSWER = 16 * 1024 * 1024
TIME_LIMIT = 20.0
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True, slots=True)
class Api:
    """One platform's API: `base` without a trailing slash, and the header that proves who asks."""

    base: str
    header: str
    secret: str

    def __post_init__(self) -> None:
        """Refuse an address that would carry the token in the clear."""
        parts = urlsplit(self.base)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise UsageError(f"API {self.base!r:.80}: expected an https address", hint="countermark comment --help")

    def ask(self, method: str, path: str, body: Json = None) -> Json:
        """Send one request; anything but a success with JSON is `Inconclusive`."""
        request = urllib.request.Request(  # noqa: S310  # https, or this machine, as checked
            self.base + path,
            method=method,
            data=None if body is None else canonical.dumps(body),
            headers={self.header: self.secret, "Content-Type": "application/json", "User-Agent": "countermark"},
        )
        try:
            with urllib.request.build_opener(_NoRedirect).open(request, timeout=TIME_LIMIT) as answer:
                return canonical.loads(answer.read(MAX_ANSWER + 1), max_bytes=MAX_ANSWER)
        except urllib.error.HTTPError as error:
            error.close()
            raise Inconclusive(f"{method} {path}: expected a success, found status {error.code}", hint=_HINT) from error
        except (OSError, HTTPException) as error:
            raise Inconclusive(f"{method} {path}: expected an answer, found {type(error).__name__}") from error


_HINT = "give the job's token the right to write comments: countermark comment --help"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An answer that leads elsewhere is no success: the token must not go there."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: object,
        newurl: str,
    ) -> None:
        """Follow nothing."""
