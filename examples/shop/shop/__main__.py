"""Serve the shop on this machine only."""

from __future__ import annotations

import time
from wsgiref.simple_server import make_server

from .app import Shop
from .database import connect

if __name__ == "__main__":
    with make_server("127.0.0.1", 8000, Shop(connect("shop.sqlite3"), lambda: int(time.time()))) as server:
        server.serve_forever()
