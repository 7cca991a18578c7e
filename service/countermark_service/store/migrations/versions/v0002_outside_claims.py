"""What other tools say of lines, unsigned."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    texts = ("contributor", "tool", "model", "source_sha256")
    op.create_table(
        "outside_claim",
        sa.Column("repository_id", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("commit_id", sa.Text, nullable=False),
        sa.Column("first_line", sa.BigInteger, nullable=False),
        sa.Column("last_line", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in texts),
        sa.Column("format", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint(
            "repository_id", "path", "commit_id", "first_line", "last_line", *texts, name="pk_outside_claim"
        ),
    )
