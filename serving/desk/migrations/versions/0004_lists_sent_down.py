"""Lists sent down from above, and their rows"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "sent_lists",
        sa.Column("sent_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("as_of", sa.String(length=10), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("who", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["who"], ["people.person_id"], name=op.f("fk_sent_lists_who")),
        sa.PrimaryKeyConstraint("sent_id", name=op.f("pk_sent_lists")),
        sa.UniqueConstraint("number", name=op.f("uq_sent_lists_number")),
    )
    op.create_table(
        "sent_rows",
        sa.Column("row_id", sa.Integer(), nullable=False),
        sa.Column("sent_id", sa.Integer(), nullable=False),
        sa.Column("sheet", sa.String(length=64), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=200), nullable=False),
        sa.Column("item", sa.String(length=200), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=True),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.Column("bills", sa.JSON(), nullable=False),
        sa.Column("grain", sa.String(length=16), nullable=False),
        sa.Column("entity_id", sa.String(length=64), nullable=False),
        sa.Column("unit", sa.String(length=32), nullable=False),
        sa.Column("psn_no", sa.String(length=64), nullable=False),
        sa.Column("area", sa.String(length=12), nullable=False),
        sa.Column("tier", sa.String(length=8), nullable=False),
        sa.Column("grounds", sa.JSON(), nullable=False),
        sa.Column("defences", sa.JSON(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=True),
        sa.Column("verdict", sa.String(length=8), server_default="", nullable=False),
        sa.Column("situation", sa.Text(), server_default="", nullable=False),
        sa.Column("answered_at", sa.DateTime(), nullable=True),
        sa.Column("answered_by", sa.Integer(), nullable=True),
        sa.CheckConstraint("verdict IN ('', 'no', 'unsure')", name=op.f("ck_sent_rows_true_by_case_only")),
        sa.ForeignKeyConstraint(["answered_by"], ["people.person_id"], name=op.f("fk_sent_rows_answered_by")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_sent_rows_case_id")),
        sa.ForeignKeyConstraint(["sent_id"], ["sent_lists.sent_id"], name=op.f("fk_sent_rows_sent_id")),
        sa.PrimaryKeyConstraint("row_id", name=op.f("pk_sent_rows")),
        sa.UniqueConstraint("sent_id", "sheet", "line", name=op.f("uq_sent_rows_sent_id")),
    )
    op.create_index(op.f("ix_sent_rows_case_id"), "sent_rows", ["case_id"], unique=False)
    op.create_index(op.f("ix_sent_rows_sent_id"), "sent_rows", ["sent_id"], unique=False)
