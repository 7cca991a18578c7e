"""Bring a database to the newest schema, with Alembic's one history.

Layer: service, store. Imports alembic, which is slow to import: `open_store` does so only when it must.
Trust: as the store. A migration runs in one transaction; two processes that open at once run it once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from .engine import writing

if TYPE_CHECKING:
    from sqlalchemy import Engine

FOLDER = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 0x636D6B  # any number that is the same in every process


def upgrade(engine: Engine) -> None:
    """Run the migrations that are missing."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _ADVISORY_LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
