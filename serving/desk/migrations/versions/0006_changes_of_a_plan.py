"""A person's changes of the week's plan"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "plan_changes",
        sa.Column("change_id", sa.Integer(), nullable=False),
        sa.Column("week", sa.String(length=8), nullable=False),
        sa.Column("site", sa.String(length=32), nullable=False),
        sa.Column("team", sa.String(length=64), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("never", sa.Boolean(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("who", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["who"], ["people.person_id"], name=op.f("fk_plan_changes_who")),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_plan_changes")),
    )
    op.create_index(op.f("ix_plan_changes_week"), "plan_changes", ["week"], unique=False)
