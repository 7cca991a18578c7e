"""The shop as a visitor meets it."""

from __future__ import annotations

import secrets
import unittest

from shop import accounts, catalogue
from shop.app import Shop
from shop.database import connect
from shop.sessions import SECONDS

from .browser import Browser


class ShopTest(unittest.TestCase):
    """Each test has a fresh shop with one account and two apples."""

    def setUp(self) -> None:
        self.now = 1_000_000
        self.password = secrets.token_hex()
        self.database = connect(":memory:")
        self.addCleanup(self.database.close)
        accounts.register(self.database, "ada", self.password)
        self.apple = catalogue.add(self.database, "Apple <red>", 50, 2)
        self.browser = Browser(Shop(self.database, lambda: self.now))

    def log_in(self) -> None:
        self.browser.post("/login", name="ada", password=self.password)

    def order(self, quantity: str) -> str:
        return self.browser.post("/order", product=str(self.apple), quantity=quantity)

    def test_the_shelf_shows_names_escaped(self) -> None:
        self.assertIn("Apple &lt;red&gt;: 0.50 (2 left)", self.browser.get("/"))

    def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(self) -> None:
        wrong = self.browser.post("/login", name="ada", password=secrets.token_hex())
        self.assertEqual(wrong, self.browser.post("/login", name="bob", password=secrets.token_hex()))
        self.assertEqual(self.browser.status, "403 Forbidden")

    def test_a_stranger_orders_nothing(self) -> None:
        self.order("1")
        self.assertEqual(self.browser.status, "403 Forbidden")

    def test_an_order_leaves_the_shelf(self) -> None:
        self.log_in()
        self.assertIn("Order 1 is placed.", self.order("2"))
        self.assertIn("(0 left)", self.browser.get("/"))

    def test_more_than_there_is_orders_nothing(self) -> None:
        self.log_in()
        for quantity in ("3", "0", "-1", "many"):
            self.order(quantity)
            self.assertEqual(self.browser.status, "409 Conflict")
        self.assertIn("(2 left)", self.browser.get("/"))

    def test_a_session_ends_after_a_day_and_at_logout(self) -> None:
        self.log_in()
        self.now += SECONDS
        self.order("1")
        self.assertEqual(self.browser.status, "403 Forbidden")
        self.log_in()
        self.browser.post("/logout")
        self.order("1")
        self.assertEqual(self.browser.status, "403 Forbidden")

    def test_a_short_password_is_refused(self) -> None:
        with self.assertRaises(accounts.WeakPasswordError):
            accounts.register(self.database, "bob", "short")

    def test_a_page_that_is_not_there_says_so(self) -> None:
        self.browser.get("/admin")
        self.assertEqual(self.browser.status, "404 Not Found")
