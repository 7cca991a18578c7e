"""The tables of the first release."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "head",
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("checkpoint", sa.LargeBinary, nullable=False),
        sa.Column("time_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("origin", name="pk_head"),
    )
    _log_tables()
    _blobs()
    _index_tables()
    _erasable_tables()


def _log_tables() -> None:
    op.create_table(
        "link",
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("checkpoint", sa.LargeBinary, nullable=False),
        sa.Column("time_ms", sa.BigInteger, nullable=False),
        sa.Column("old_size", sa.BigInteger, nullable=False),
        sa.Column("consistency", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("origin", "size", name="pk_link"),
        sa.ForeignKeyConstraint(["origin"], ["head.origin"], name="fk_link_head"),
    )
    op.create_table(
        "leaf",
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("index", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("entry", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("origin", "index", name="pk_leaf"),
        sa.ForeignKeyConstraint(["origin"], ["head.origin"], name="fk_leaf_head"),
        sa.UniqueConstraint("origin", "digest", name="uq_leaf_origin_digest"),
    )
    op.create_table(
        "tile",
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("level", sa.BigInteger, nullable=False),
        sa.Column("index", sa.BigInteger, nullable=False),
        sa.Column("hashes", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("origin", "level", "index", name="pk_tile"),
        sa.ForeignKeyConstraint(["origin"], ["head.origin"], name="fk_tile_head"),
    )


def _blobs() -> None:
    op.create_table(
        "blob",
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("of", sa.Text),
        sa.PrimaryKeyConstraint("sha256", name="pk_blob"),
    )
    op.create_index("ix_blob_of", "blob", ["of"])


def _index_tables() -> None:
    op.create_table(
        "entry_index",
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("index", sa.BigInteger, nullable=False),
        sa.Column("bundle_sha256", sa.Text, nullable=False),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("predicate_type", sa.Text, nullable=False),
        sa.Column("time_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("origin", "index", name="pk_entry_index"),
    )
    op.create_index("ix_entry_index_bundle_sha256", "entry_index", ["bundle_sha256"])
    op.create_index("ix_entry_index_identity", "entry_index", ["identity"])
    op.create_index("ix_entry_index_predicate_type_time_ms", "entry_index", ["predicate_type", "time_ms"])
    op.create_table(
        "entry_path",
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("index", sa.BigInteger, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("sha256_before", sa.Text),
        sa.Column("sha256_after", sa.Text),
        sa.PrimaryKeyConstraint("origin", "index", "path", name="pk_entry_path"),
        _to_entry("fk_entry_path_entry_index"),
    )
    op.create_index("ix_entry_path_path", "entry_path", ["path"])
    op.create_index("ix_entry_path_sha256_after", "entry_path", ["sha256_after"])
    op.create_table(
        "entry_label",
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("index", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("origin", "index", "name", "value", name="pk_entry_label"),
        _to_entry("fk_entry_label_entry_index"),
    )
    op.create_index("ix_entry_label_name_value", "entry_label", ["name", "value"])


def _erasable_tables() -> None:
    op.create_table(
        "commitment_key",
        sa.Column("statement_sha256", sa.Text, nullable=False),
        sa.Column("field", sa.Text, nullable=False),
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("statement_sha256", "field", name="pk_commitment_key"),
    )
    op.create_table(
        "identity",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("enrolled_at_ms", sa.BigInteger, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_identity"),
    )


def _to_entry(name: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["origin", "index"], ["entry_index.origin", "entry_index.index"], name=name, ondelete="CASCADE"
    )
