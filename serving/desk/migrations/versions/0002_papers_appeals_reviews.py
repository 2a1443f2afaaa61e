"""Dispositions, appeals, reviews, links, requests, limits; who an account is to the office's own sign-in; a form serves once"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("people", sa.Column("subject", sa.String(length=255), nullable=True))
    op.create_index("ix_people_subject", "people", ["subject"], unique=True)
    op.add_column("sessions", sa.Column("label", sa.String(length=80), server_default="", nullable=False))
    op.add_column("cases", sa.Column("doctor", sa.String(length=32), server_default="", nullable=False))
    op.add_column("cases", sa.Column("psn_no", sa.String(length=64), server_default="", nullable=False))
    op.add_column("cases", sa.Column("left_days", sa.Integer(), nullable=True))
    op.add_column("events", sa.Column("once", sa.String(length=32), nullable=True))
    op.create_index("ix_events_once", "events", ["once"], unique=True)
    op.create_table(
        "sign_ins",
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("verifier", sa.String(length=128), nullable=False),
        sa.Column("next", sa.String(length=400), nullable=False),
        sa.Column("ends_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("state", name=op.f("pk_sign_ins")),
    )
    op.create_table(
        "limits",
        sa.Column("limit_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("who", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["who"], ["people.person_id"], name=op.f("fk_limits_who")),
        sa.PrimaryKeyConstraint("limit_id", name=op.f("pk_limits")),
    )
    op.create_index(op.f("ix_limits_name"), "limits", ["name"], unique=False)
    op.create_table(
        "dispositions",
        sa.Column("disposition_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("who", sa.Integer(), nullable=False),
        sa.Column("document", sa.String(length=80), server_default="", nullable=False),
        sa.Column("done_at", sa.DateTime(), nullable=True),
        sa.Column("done_by", sa.Integer(), nullable=True),
        sa.CheckConstraint("amount_fen IS NULL OR amount_fen >= 0", name=op.f("ck_dispositions_amount_not_negative")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_dispositions_case_id")),
        sa.ForeignKeyConstraint(["done_by"], ["people.person_id"], name=op.f("fk_dispositions_done_by")),
        sa.ForeignKeyConstraint(["who"], ["people.person_id"], name=op.f("fk_dispositions_who")),
        sa.PrimaryKeyConstraint("disposition_id", name=op.f("pk_dispositions")),
    )
    op.create_index(op.f("ix_dispositions_case_id"), "dispositions", ["case_id"], unique=False)
    op.create_table(
        "appeals",
        sa.Column("appeal_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("told_at", sa.DateTime(), nullable=False),
        sa.Column("deadline", sa.DateTime(), nullable=False),
        sa.Column("waived", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_appeals_case_id")),
        sa.PrimaryKeyConstraint("appeal_id", name=op.f("pk_appeals")),
    )
    op.create_index(op.f("ix_appeals_case_id"), "appeals", ["case_id"], unique=False)
    op.create_table(
        "grounds",
        sa.Column("ground_id", sa.Integer(), nullable=False),
        sa.Column("appeal_id", sa.Integer(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("who", sa.Integer(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.DateTime(), nullable=True),
        sa.Column("answered_by", sa.Integer(), nullable=True),
        sa.CheckConstraint("answered_by <> who", name=op.f("ck_grounds_answered_by_another")),
        sa.ForeignKeyConstraint(["answered_by"], ["people.person_id"], name=op.f("fk_grounds_answered_by")),
        sa.ForeignKeyConstraint(["appeal_id"], ["appeals.appeal_id"], name=op.f("fk_grounds_appeal_id")),
        sa.ForeignKeyConstraint(["who"], ["people.person_id"], name=op.f("fk_grounds_who")),
        sa.PrimaryKeyConstraint("ground_id", name=op.f("pk_grounds")),
    )
    op.create_index(op.f("ix_grounds_appeal_id"), "grounds", ["appeal_id"], unique=False)
    op.create_table(
        "reviews",
        sa.Column("review_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("part", sa.String(length=8), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("held_until", sa.DateTime(), nullable=True),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.Column("decision", sa.String(length=24), nullable=True),
        sa.Column("worth", sa.Boolean(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_reviews_case_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.person_id"], name=op.f("fk_reviews_person_id")),
        sa.PrimaryKeyConstraint("review_id", name=op.f("pk_reviews")),
    )
    op.create_index(op.f("ix_reviews_case_id"), "reviews", ["case_id"], unique=False)
    op.create_table(
        "links",
        sa.Column("one", sa.Integer(), nullable=False),
        sa.Column("other", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("who", sa.Integer(), nullable=False),
        sa.CheckConstraint("one < other", name=op.f("ck_links_smaller_first")),
        sa.ForeignKeyConstraint(["one"], ["cases.case_id"], name=op.f("fk_links_one")),
        sa.ForeignKeyConstraint(["other"], ["cases.case_id"], name=op.f("fk_links_other")),
        sa.ForeignKeyConstraint(["who"], ["people.person_id"], name=op.f("fk_links_who")),
        sa.PrimaryKeyConstraint("one", "other", name=op.f("pk_links")),
    )
    op.create_index(op.f("ix_links_other"), "links", ["other"], unique=False)
    op.create_table(
        "requests",
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.Column("asked_by", sa.Integer(), nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=True),
        sa.Column("answered_at", sa.DateTime(), nullable=True),
        sa.Column("answered_by", sa.Integer(), nullable=True),
        sa.CheckConstraint("answered_by <> asked_by", name=op.f("ck_requests_granted_by_another")),
        sa.ForeignKeyConstraint(["answered_by"], ["people.person_id"], name=op.f("fk_requests_answered_by")),
        sa.ForeignKeyConstraint(["asked_by"], ["people.person_id"], name=op.f("fk_requests_asked_by")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_requests_case_id")),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_requests")),
    )
    op.create_index(op.f("ix_requests_case_id"), "requests", ["case_id"], unique=False)
    _carry_over()


def _carry_over() -> None:
    """Cases that wait for an answer get the appeal they are in, and what was ordered so far its rows."""
    bind = op.get_bind()
    meta = sa.MetaData()
    cases, events, appeals, dispositions = (
        sa.Table(name, meta, autoload_with=bind) for name in ("cases", "events", "appeals", "dispositions")
    )
    for row in bind.execute(sa.select(cases).where(cases.c.state == "C50")).mappings().all():
        told = {"case_id": row["case_id"], "told_at": row["opened_at"], "deadline": row["due_at"], "waived": False}
        bind.execute(appeals.insert().values(**told))
    for row in bind.execute(sa.select(events).where(events.c.to_state == "C70")).mappings().all():
        for kind in row["detail"].get("dispositions", []):
            ordered = {"case_id": row["case_id"], "kind": kind, "at": row["at"], "who": row["who"]}
            bind.execute(dispositions.insert().values(**ordered))
