"""A browser small enough to read: it calls the application and keeps its cookie."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from urllib.parse import urlencode
from wsgiref.util import setup_testing_defaults

from shop.app import Shop


@dataclass
class Browser:
    """One visitor of one shop."""

    shop: Shop
    cookie: str = ""
    status: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str) -> str:
        """Fetch a page."""
        return self._ask("GET", path, b"")

    def post(self, path: str, **form: str) -> str:
        """Send a form."""
        return self._ask("POST", path, urlencode(form).encode())

    def _ask(self, method: str, path: str, body: bytes) -> str:
        environ: dict[str, object] = {"REQUEST_METHOD": method, "PATH_INFO": path, "HTTP_COOKIE": self.cookie}
        environ |= {
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            "REMOTE_ADDR": "192.0.2.1",
        }
        setup_testing_defaults(environ)
        answer = b"".join(self.shop(environ, self._start))
        self.cookie = self.headers.get("Set-Cookie", self.cookie).partition(";")[0]
        return answer.decode()

    def _start(self, status: str, headers: list[tuple[str, str]], *_: object) -> None:
        self.status = status
        self.headers = dict(headers)
