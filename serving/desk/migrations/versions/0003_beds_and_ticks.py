"""What was found at beds and of field tasks: said by one officer, confirmed by another"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

STANDING = sa.text("withdrawn_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "bed_results",
        sa.Column("result_id", sa.Integer(), nullable=False),
        sa.Column("run", sa.String(length=40), nullable=False),
        sa.Column("lead", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("stay", sa.String(length=64), nullable=False),
        sa.Column("unit", sa.String(length=32), nullable=False),
        sa.Column("checked_at", sa.DateTime(), nullable=False),
        *by_two("bed_results"),
        sa.PrimaryKeyConstraint("result_id", name=op.f("pk_bed_results")),
    )
    op.create_index(op.f("ix_bed_results_run"), "bed_results", ["run"], unique=False)
    op.create_index(op.f("ix_bed_results_case_id"), "bed_results", ["case_id"], unique=False)
    op.create_index("ix_bed_results_second_client", "bed_results", ["second_client"], unique=True)
    standing("ix_bed_results_standing", "bed_results", ["run", "lead"])
    op.create_table(
        "ticks",
        sa.Column("tick_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("rows", sa.JSON(), nullable=False),
        *by_two("ticks"),
        sa.PrimaryKeyConstraint("tick_id", name=op.f("pk_ticks")),
    )
    op.create_index(op.f("ix_ticks_case_id"), "ticks", ["case_id"], unique=False)
    op.create_index("ix_ticks_second_client", "ticks", ["second_client"], unique=True)
    standing("ix_ticks_standing", "ticks", ["case_id", "key"])


def by_two(table: str) -> list[Any]:
    """What one officer writes down and another one confirms."""
    people = ["people.person_id"]
    return [
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("said_by", sa.Integer(), nullable=False),
        sa.Column("said_at", sa.DateTime(), nullable=False),
        sa.Column("second_by", sa.Integer(), nullable=True),
        sa.Column("second_at", sa.DateTime(), nullable=True),
        sa.Column("second_note", sa.Text(), nullable=False),
        sa.Column("second_client", sa.String(length=64), nullable=True),
        sa.Column("photo", sa.Integer(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint("second_by <> said_by", name=op.f(f"ck_{table}_confirmed_by_another")),
        sa.CheckConstraint("second_by IS NULL OR second_at IS NOT NULL", name=op.f(f"ck_{table}_confirmed_when")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f(f"fk_{table}_case_id")),
        sa.ForeignKeyConstraint(["said_by"], people, name=op.f(f"fk_{table}_said_by")),
        sa.ForeignKeyConstraint(["second_by"], people, name=op.f(f"fk_{table}_second_by")),
        sa.ForeignKeyConstraint(["photo"], ["files.file_id"], name=op.f(f"fk_{table}_photo")),
        sa.UniqueConstraint("client", name=op.f(f"uq_{table}_client")),
    ]


def standing(name: str, table: str, columns: list[str]) -> None:
    """One row a place that was not withdrawn."""
    op.create_index(name, table, columns, unique=True, sqlite_where=STANDING, postgresql_where=STANDING)
