"""Limits by two persons; 法制审核 and 案审会; second factors sealed with a key outside the database"""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import context, op

from serving.desk import vault

revision = "0005"
down_revision = "0004"

#: Decisions from before there was a limit: none was in force.
NO_LIMIT = 10**15
HEARD = (
    "state NOT IN ('C70', 'C80', 'C85', 'C93') OR confirmed_fen IS NULL OR (board_from_fen IS NOT NULL AND legal_from_fen IS NOT NULL"
    " AND (confirmed_fen < board_from_fen OR board_id IS NOT NULL) AND (confirmed_fen < legal_from_fen OR legal_by IS NOT NULL)"
    " AND (NOT grave OR (board_id IS NOT NULL AND legal_by IS NOT NULL)))"
)
LEGAL = "legal_by <> first_reviewer AND legal_by <> second_reviewer AND legal_by <> signer"
GRANTED = "granted IS NULL OR answered_by IS NOT NULL OR alone"


def upgrade() -> None:
    _boards()
    _cases()
    _limits()
    _second_factors()


def _boards() -> None:
    op.create_table(
        "legal_reviews",
        sa.Column("legal_review_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("who", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_legal_reviews_case_id")),
        sa.ForeignKeyConstraint(["who"], ["people.person_id"], name=op.f("fk_legal_reviews_who")),
        sa.PrimaryKeyConstraint("legal_review_id", name=op.f("pk_legal_reviews")),
    )
    op.create_index(op.f("ix_legal_reviews_case_id"), "legal_reviews", ["case_id"], unique=False)
    op.create_table(
        "boards",
        sa.Column("board_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("held_on", sa.String(length=10), nullable=False),
        sa.Column("opinion", sa.Text(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("who", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_boards_case_id")),
        sa.ForeignKeyConstraint(["minutes"], ["files.file_id"], name=op.f("fk_boards_minutes")),
        sa.ForeignKeyConstraint(["who"], ["people.person_id"], name=op.f("fk_boards_who")),
        sa.PrimaryKeyConstraint("board_id", name=op.f("pk_boards")),
    )
    op.create_index(op.f("ix_boards_case_id"), "boards", ["case_id"], unique=False)
    op.create_table(
        "attendances",
        sa.Column("board_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("agrees", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["board_id"], ["boards.board_id"], name=op.f("fk_attendances_board_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.person_id"], name=op.f("fk_attendances_person_id")),
        sa.PrimaryKeyConstraint("board_id", "person_id", name=op.f("pk_attendances")),
    )
    for table in ("legal_reviews", "boards", "attendances"):
        _keep(table)


def _keep(table: str) -> None:
    """The database itself refuses to change or delete what was said."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE FUNCTION keep_{table}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
        )
        op.execute(
            f"CREATE TRIGGER keep_{table} BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION keep_{table}()"
        )
        return
    for act in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER keep_{table}_{act.lower()} BEFORE {act} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def _cases() -> None:
    op.add_column("cases", sa.Column("board_id", sa.Integer(), nullable=True))
    op.add_column("cases", sa.Column("board_from_fen", sa.BigInteger(), nullable=True))
    op.add_column("cases", sa.Column("legal_from_fen", sa.BigInteger(), nullable=True))
    op.add_column("cases", sa.Column("grave", sa.Boolean(), nullable=True))
    op.execute(
        f"UPDATE cases SET board_from_fen = {NO_LIMIT}, legal_from_fen = {NO_LIMIT} WHERE confirmed_fen IS NOT NULL"
    )
    if op.get_bind().dialect.name == "sqlite":  # which takes a check of the whole row with a column only
        op.execute(
            "ALTER TABLE cases ADD COLUMN legal_by INTEGER CONSTRAINT fk_cases_legal_by REFERENCES people (person_id)"
            f" CONSTRAINT ck_cases_legal_is_another CHECK ({LEGAL}) CONSTRAINT ck_cases_heard_before_signed CHECK ({HEARD})"
        )
    else:
        op.add_column("cases", sa.Column("legal_by", sa.Integer(), nullable=True))
        op.create_foreign_key(op.f("fk_cases_legal_by"), "cases", "people", ["legal_by"], ["person_id"])
        op.create_check_constraint(op.f("ck_cases_legal_is_another"), "cases", LEGAL)
        op.create_check_constraint(op.f("ck_cases_heard_before_signed"), "cases", HEARD)
    _apart()


def _apart() -> None:
    """What concerns several tables: three or more attended, most of them agreed, and nobody of them, nor who reviewed the law, had a part in the case."""
    worked = "SELECT person_id FROM officers WHERE case_id = NEW.case_id"
    sat = "SELECT a.person_id FROM attendances a JOIN boards b ON b.board_id = a.board_id WHERE a.board_id = NEW.board_id AND b.case_id = NEW.case_id"
    few = f"NEW.board_id IS NOT NULL AND (SELECT count(*) FROM ({sat}) s) < 3"
    most = (
        "NEW.board_id IS NOT NULL AND (SELECT count(*) FROM attendances WHERE board_id = NEW.board_id AND agrees) * 2"
        " <= (SELECT count(*) FROM attendances WHERE board_id = NEW.board_id)"
    )
    part = f"NEW.board_id IS NOT NULL AND EXISTS ({sat} AND (a.person_id IN ({worked}) OR a.person_id = NEW.first_reviewer OR a.person_id = NEW.second_reviewer))"
    law = f"NEW.legal_by IS NOT NULL AND NEW.legal_by IN ({worked})"
    told = {
        few: "a board has three members or more",
        most: "most of a board must agree",
        part: "who worked on a case sits on no board about it",
        law: "who inspected a case does not review it",
    }
    columns = "board_id, legal_by, signer, first_reviewer, second_reviewer"
    if op.get_bind().dialect.name == "postgresql":
        body = " ".join(f"IF {wrong} THEN RAISE EXCEPTION '{said}'; END IF;" for wrong, said in told.items())
        op.execute(
            f"CREATE FUNCTION cases_heard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NEW; END $$"
        )
        op.execute(
            f"CREATE TRIGGER cases_heard BEFORE UPDATE OF {columns} ON cases FOR EACH ROW EXECUTE FUNCTION cases_heard()"
        )
        return
    body = " ".join(f"SELECT RAISE(ABORT, '{said}') WHERE {wrong};" for wrong, said in told.items())
    op.execute(f"CREATE TRIGGER cases_heard BEFORE UPDATE OF {columns} ON cases BEGIN {body} END")


def _limits() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    op.add_column("limits", sa.Column("alone", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute("UPDATE limits SET alone = true")
    op.add_column("limits", sa.Column("answered_at", sa.DateTime(), nullable=True))
    if sqlite:
        op.execute(
            "ALTER TABLE limits ADD COLUMN answered_by INTEGER CONSTRAINT fk_limits_answered_by REFERENCES people (person_id)"
            " CONSTRAINT ck_limits_granted_by_another CHECK (answered_by <> who)"
        )
        op.execute(f"ALTER TABLE limits ADD COLUMN granted BOOLEAN CONSTRAINT ck_limits_granted_by_somebody CHECK ({GRANTED})")  # fmt: skip
    else:
        op.add_column("limits", sa.Column("answered_by", sa.Integer(), nullable=True))
        op.add_column("limits", sa.Column("granted", sa.Boolean(), nullable=True))
        op.create_foreign_key(op.f("fk_limits_answered_by"), "limits", "people", ["answered_by"], ["person_id"])
        op.create_check_constraint(op.f("ck_limits_granted_by_another"), "limits", "answered_by <> who")
        op.create_check_constraint(op.f("ck_limits_granted_by_somebody"), "limits", GRANTED)
    op.execute("UPDATE limits SET granted = true")


def _second_factors() -> None:
    op.add_column("people", sa.Column("sealed_factor", sa.String(length=160), nullable=True))
    bind = op.get_bind()
    if bind.dialect.name == "sqlite":
        op.execute("PRAGMA secure_delete = ON")  # what stood there in plain must not stay on freed pages
    chosen = sa.text("SELECT person_id, second_factor FROM people WHERE second_factor IS NOT NULL")
    found: list[Any] = list(bind.execute(chosen))
    folder: Path = context.config.attributes["folder"]
    if found:
        vault.make_key(folder)
    for person_id, secret in found:
        kept = vault.seal(folder, person_id, secret)
        bind.execute(
            sa.text("UPDATE people SET sealed_factor = :kept WHERE person_id = :id"), {"kept": kept, "id": person_id}
        )
    op.execute("UPDATE people SET second_factor = NULL")
    op.drop_column("people", "second_factor")
