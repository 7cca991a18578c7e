"""The tables, for SQLite and PostgreSQL alike.

Layer: service, store. Imports sqlalchemy; does no I/O.
Trust: names of people stand in `identity` only and keys in `commitment_key` only; both are erasable, and
every other table holds what is public or random. `entry_*` can be dropped and rebuilt from `blob`.
`outside_claim` is what other tools say, unsigned; nothing that decides reads it.

A change here needs a migration in `migrations/versions`, and its number in `REVISION`; tests hold the two
together.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

REVISION = "0002"

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

HEAD = Table(
    "head",
    METADATA,
    Column("origin", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("checkpoint", LargeBinary, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
)

LINK = Table(
    "link",
    METADATA,
    Column("origin", Text, ForeignKey("head.origin"), primary_key=True),
    Column("size", BigInteger, primary_key=True),
    Column("root", LargeBinary, nullable=False),
    Column("checkpoint", LargeBinary, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Column("old_size", BigInteger, nullable=False),
    Column("consistency", LargeBinary, nullable=False),  # 32-byte hashes, concatenated
)

LEAF = Table(
    "leaf",
    METADATA,
    Column("origin", Text, ForeignKey("head.origin"), primary_key=True),
    Column("index", BigInteger, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("entry", LargeBinary, nullable=False),
    UniqueConstraint("origin", "digest"),
)

TILE = Table(
    "tile",
    METADATA,
    Column("origin", Text, ForeignKey("head.origin"), primary_key=True),
    Column("level", BigInteger, primary_key=True),
    Column("index", BigInteger, primary_key=True),
    Column("hashes", LargeBinary, nullable=False),  # 32-byte hashes, concatenated
)

BLOB = Table(
    "blob",
    METADATA,
    Column("sha256", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("of", Text),
    Index(None, "of"),
)

ENTRY_INDEX = Table(
    "entry_index",
    METADATA,
    Column("origin", Text, primary_key=True),
    Column("index", BigInteger, primary_key=True),
    Column("bundle_sha256", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("predicate_type", Text, nullable=False),
    Column("time_ms", BigInteger, nullable=False),
    Index(None, "bundle_sha256"),
    Index(None, "identity"),
    Index(None, "predicate_type", "time_ms"),
)

ENTRY_PATH = Table(
    "entry_path",
    METADATA,
    Column("origin", Text, primary_key=True),
    Column("index", BigInteger, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("sha256_before", Text),
    Column("sha256_after", Text),
    ForeignKeyConstraint(["origin", "index"], ["entry_index.origin", "entry_index.index"], ondelete="CASCADE"),
    Index(None, "path"),
    Index(None, "sha256_after"),
)

ENTRY_LABEL = Table(
    "entry_label",
    METADATA,
    Column("origin", Text, primary_key=True),
    Column("index", BigInteger, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    ForeignKeyConstraint(["origin", "index"], ["entry_index.origin", "entry_index.index"], ondelete="CASCADE"),
    Index(None, "name", "value"),
)

COMMITMENT_KEY = Table(
    "commitment_key",
    METADATA,
    Column("statement_sha256", Text, primary_key=True),
    Column("field", Text, primary_key=True),
    Column("key", LargeBinary, nullable=False),
)

IDENTITY = Table(
    "identity",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text),
    Column("enrolled_at_ms", BigInteger, nullable=False),
    Column("data", Text, nullable=False),
)

OUTSIDE_CLAIM = Table(
    "outside_claim",
    METADATA,
    Column("repository_id", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("commit_id", Text, primary_key=True),
    Column("first_line", BigInteger, primary_key=True, autoincrement=False),
    Column("last_line", BigInteger, primary_key=True, autoincrement=False),
    Column("contributor", Text, primary_key=True),
    Column("tool", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("source_sha256", Text, primary_key=True),
    Column("format", Text, nullable=False),
)
