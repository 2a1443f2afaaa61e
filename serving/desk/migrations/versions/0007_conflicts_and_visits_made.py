"""Conflicts of interest that people declare, and visits of a week's plan that were made"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "conflicts",
        sa.Column("conflict_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(length=32), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("who", sa.Integer(), nullable=True),
        sa.Column("lifted_at", sa.DateTime(), nullable=True),
        sa.Column("lifted_by", sa.Integer(), nullable=True),
        sa.CheckConstraint("lifted_by <> person_id", name=op.f("ck_conflicts_lifted_by_another")),
        sa.ForeignKeyConstraint(["lifted_by"], ["people.person_id"], name=op.f("fk_conflicts_lifted_by")),
        sa.ForeignKeyConstraint(["person_id"], ["people.person_id"], name=op.f("fk_conflicts_person_id")),
        sa.ForeignKeyConstraint(["who"], ["people.person_id"], name=op.f("fk_conflicts_who")),
        sa.PrimaryKeyConstraint("conflict_id", name=op.f("pk_conflicts")),
    )
    op.create_index(op.f("ix_conflicts_person_id"), "conflicts", ["person_id"], unique=False)
    op.create_index(op.f("ix_conflicts_unit"), "conflicts", ["unit"], unique=False)
    op.add_column("plan_changes", sa.Column("start", sa.Integer(), nullable=True))
    op.add_column("plan_changes", sa.Column("finish", sa.Integer(), nullable=True))
