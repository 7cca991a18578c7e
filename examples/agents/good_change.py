"""This is a script, not a model: it makes the change a careful agent would make, the same way every time.

It works in the current directory, a checkout of the shop: logins are limited to five failures in five
minutes for each name, with a test. Run it as `python good_change.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import editing

RATE_LIMIT = '''"""Slow down guessing: at most five failed logins in five minutes for each name."""

from __future__ import annotations

from collections import deque

FAILURES = 5
SECONDS = 5 * 60
NAMES = 10_000


class RateLimit:
    """Remembers when each name last failed, for the newest names only."""

    def __init__(self) -> None:
        """Start with a clean sheet."""
        self._failed: dict[str, deque[int]] = {}

    def allows(self, name: str, now: int) -> bool:
        """Say whether the name may try again now."""
        recent = self._failed.get(name, deque())
        while recent and recent[0] <= now - SECONDS:
            recent.popleft()
        return len(recent) < FAILURES

    def failed(self, name: str, now: int) -> None:
        """Count one failure; the oldest name is forgotten when there are too many."""
        self._failed[name] = deque([*self._failed.pop(name, ()), now], maxlen=FAILURES)
        if len(self._failed) > NAMES:
            del self._failed[next(iter(self._failed))]
'''

RATE_LIMIT_TEST = '''"""Guessing a password is slow."""

from __future__ import annotations

import secrets
import unittest

from shop import accounts
from shop.app import Shop
from shop.database import connect
from shop.rate_limit import FAILURES, NAMES, SECONDS, RateLimit

from .browser import Browser


class RateLimitTest(unittest.TestCase):
    """One account, and somebody who guesses."""

    def setUp(self) -> None:
        self.now = 1_000_000
        self.password = secrets.token_hex()
        database = connect(":memory:")
        self.addCleanup(database.close)
        accounts.register(database, "ada", self.password)
        self.browser = Browser(Shop(database, lambda: self.now))

    def guess(self, password: str) -> str:
        self.browser.post("/login", name="ada", password=password)
        return self.browser.status

    def test_the_right_password_is_refused_too_until_five_minutes_have_passed(self) -> None:
        for _ in range(FAILURES):
            self.assertEqual(self.guess(secrets.token_hex()), "403 Forbidden")
        self.assertEqual(self.guess(self.password), "429 Too Many Requests")
        self.now += SECONDS
        self.assertEqual(self.guess(self.password), "303 See Other")

    def test_the_memory_is_bounded(self) -> None:
        limit = RateLimit()
        for _ in range(FAILURES):
            limit.failed("first", self.now)
        for number in range(NAMES):
            limit.failed(str(number), self.now)
        self.assertTrue(limit.allows("first", self.now))
'''

LOGIN = """        name, password = request.form.get("name", ""), request.form.get("password", "")
"""
LIMITED_LOGIN = (
    LOGIN
    + """        if not self._limit.allows(name, request.now):
            return Answer(HTTPStatus.TOO_MANY_REQUESTS, pages.login("Too many attempts. Try again later."))
"""
)
REFUSED = """        except accounts.LoginRefusedError:
"""
IMPORTS = """from . import accounts, catalogue, pages, sessions
"""
CLOCK = """        self._clock = clock
"""
EDITS = {
    IMPORTS: IMPORTS + "from .rate_limit import RateLimit\n",
    CLOCK: CLOCK + "        self._limit = RateLimit()\n",
    LOGIN: LIMITED_LOGIN,
    REFUSED: REFUSED + "            self._limit.failed(name, request.now)\n",
}


def main() -> int:
    """Make the change in the current directory."""
    editing.create(Path("shop/rate_limit.py"), RATE_LIMIT)
    editing.create(Path("tests/test_rate_limit.py"), RATE_LIMIT_TEST)
    editing.replace(Path("shop/app.py"), EDITS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
