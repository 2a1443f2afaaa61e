"""The tables of the desk: who may sign in, what is done with a lead, and the log of both.

One schema for SQLite and PostgreSQL. What two persons must do is held by constraints here and not by pages: a first
reviewer is never the second, neither is the signer, and nobody decides an appeal in a case he worked on.
Times are UTC without zone; money is fen.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
_WHO = "people.person_id"
_STANDING = text("withdrawn_at IS NULL")

#: Who may sign in. sealed_factor: secret of the second factor, encrypted (serving/desk/vault.py). invited: hash of a one-time invitation by which the
#: password is set. area: of whose rows he sees, '' = all.
#: subject: who this is to the office's own sign-in (OIDC), issuer and sub, kept from the first time on.
PEOPLE = Table(
    "people",
    METADATA,
    Column("person_id", Integer, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("shown", String(64), nullable=False),
    Column("area", String(12), nullable=False, default=""),
    Column("password", String(256)),
    Column("sealed_factor", String(160)),
    Column("last_code", BigInteger, nullable=False, default=0),
    Column("invited", String(64)),
    Column("invited_until", DateTime),
    Column("failures", Integer, nullable=False, default=0),
    Column("locked_until", DateTime),
    Column("active", Boolean, nullable=False, default=True),
    Column("created_at", DateTime, nullable=False),
    Column("subject", String(255)),
    Index("ix_people_subject", "subject", unique=True),
)

#: Roles of a person; `until` is the moment a role ended (岗位轮换 keeps who was what).
ROLES = Table(
    "roles",
    METADATA,
    Column("role_id", Integer, primary_key=True),
    Column("person_id", Integer, ForeignKey(_WHO), nullable=False, index=True),
    Column("role", String(24), nullable=False),
    Column("since", DateTime, nullable=False),
    Column("until", DateTime),
)

#: Sessions and API tokens by the SHA-256 of their secret. scope '' = a session, else what the token may do.
SESSIONS = Table(
    "sessions",
    METADATA,
    Column("secret", String(64), primary_key=True),
    Column("person_id", Integer, ForeignKey(_WHO), nullable=False, index=True),
    Column("scope", String(64), nullable=False, default=""),
    Column("begun_at", DateTime, nullable=False),
    Column("used_at", DateTime, nullable=False),
    Column("ends_at", DateTime, nullable=False),
    Column("label", String(80), nullable=False, server_default=""),
)

#: Sign-ins by OIDC that are under way. state: hash of what the browser's cookie holds.
SIGN_INS = Table(
    "sign_ins",
    METADATA,
    Column("state", String(64), primary_key=True),
    Column("nonce", String(64), nullable=False),
    Column("verifier", String(128), nullable=False),
    Column("next", String(400), nullable=False, default="/"),
    Column("ends_at", DateTime, nullable=False),
)

#: Limits and shares an office has set for itself (serving/desk/limits.py): the last row of a name that was granted
#: counts. granted NULL = one proposed it and nobody has answered; alone: set by one person before two were asked for.
LIMITS = Table(
    "limits",
    METADATA,
    Column("limit_id", Integer, primary_key=True),
    Column("name", String(32), nullable=False, index=True),
    Column("value", Integer, nullable=False),
    Column("note", Text, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("who", Integer, ForeignKey(_WHO), nullable=False),
    Column("alone", Boolean, nullable=False, server_default=false()),
    Column("answered_at", DateTime),
    Column("answered_by", Integer, ForeignKey(_WHO)),
    Column("granted", Boolean),
    CheckConstraint("answered_by <> who", name="granted_by_another"),
    CheckConstraint("granted IS NULL OR answered_by IS NOT NULL OR alone", name="granted_by_somebody"),
)

#: Units somebody must not inspect (回避, serving/desk/conflicts.py). who: who wrote it down, NULL = from the command line; nobody lifts his own.
CONFLICTS = Table(
    "conflicts",
    METADATA,
    Column("conflict_id", Integer, primary_key=True),
    Column("person_id", Integer, ForeignKey(_WHO), nullable=False, index=True),
    Column("unit", String(32), nullable=False, index=True),
    Column("why", Text, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("who", Integer, ForeignKey(_WHO)),
    Column("lifted_at", DateTime),
    Column("lifted_by", Integer, ForeignKey(_WHO)),
    CheckConstraint("lifted_by <> person_id", name="lifted_by_another"),
)

#: What leaders changed of a week's plan (serving/desk/plan_changes.py): the last row of a unit in a week counts, none is ever changed.
#: start, finish: minutes of the day of a visit that was made.
PLAN_CHANGES = Table(
    "plan_changes",
    METADATA,
    Column("change_id", Integer, primary_key=True),
    Column("week", String(8), nullable=False, index=True),
    Column("site", String(32), nullable=False),
    Column("team", String(64), nullable=False),
    Column("day", Integer, nullable=False),
    Column("never", Boolean, nullable=False),
    Column("why", Text, nullable=False),
    Column("start", Integer),
    Column("finish", Integer),
    Column("at", DateTime, nullable=False),
    Column("who", Integer, ForeignKey(_WHO), nullable=False),
)

#: One case about one subject. holder: who has it in hand, until held_until. proposal: what a step put to the next person.
#: doctor, psn_no: whose stay it is, for what was found about them before. left_days: working days left when the clock was stopped.
#: board_id: the 案审会 a decision rests on (BOARDS; a trigger counts who attended); legal_by: who passed it in law; …_from_fen: amounts from which both were
#: asked for when it was signed; grave: whether what it orders asks for both whatever the amount.
CASES = Table(
    "cases",
    METADATA,
    Column("case_id", Integer, primary_key=True),
    Column("number", String(16), nullable=False, unique=True),
    Column("grain", String(16), nullable=False),
    Column("entity_id", String(64), nullable=False),
    Column("area", String(12), nullable=False, default=""),
    Column("unit", String(32), nullable=False, default=""),
    Column("state", String(3), nullable=False, index=True),
    Column("outcome", String(16)),
    Column("before_hold", String(3)),
    Column("proposal", String(24)),
    Column("scheme", String(8), nullable=False, default=""),
    Column("low_fen", BigInteger, nullable=False, default=0),
    Column("mid_fen", BigInteger, nullable=False, default=0),
    Column("high_fen", BigInteger, nullable=False, default=0),
    Column("confirmed_fen", BigInteger),
    Column("recovered_fen", BigInteger),
    Column("violation_class", String(16)),
    Column("innocent", String(8)),
    Column("opened_at", DateTime, nullable=False),
    Column("due_at", DateTime),
    Column("inspected_at", DateTime),
    Column("decided_at", DateTime),
    Column("holder", Integer, ForeignKey(_WHO)),
    Column("held_until", DateTime),
    Column("first_reviewer", Integer, ForeignKey(_WHO)),
    Column("second_reviewer", Integer, ForeignKey(_WHO)),
    Column("appeal_by", Integer, ForeignKey(_WHO)),
    Column("signer", Integer, ForeignKey(_WHO)),
    Column("into_case", Integer, ForeignKey("cases.case_id")),
    Column("version", Integer, nullable=False, default=0),
    Column("doctor", String(32), nullable=False, server_default=""),
    Column("psn_no", String(64), nullable=False, server_default=""),
    Column("left_days", Integer),
    Column("board_id", Integer),
    Column("board_from_fen", BigInteger),
    Column("legal_from_fen", BigInteger),
    Column("grave", Boolean),
    Column("legal_by", Integer, ForeignKey(_WHO)),
    CheckConstraint("first_reviewer <> second_reviewer", name="second_is_another"),
    CheckConstraint("signer <> first_reviewer AND signer <> second_reviewer", name="signer_is_another"),
    CheckConstraint("appeal_by <> first_reviewer AND appeal_by <> second_reviewer", name="appeal_is_another"),
    CheckConstraint(
        "recovered_fen IS NULL OR (recovered_fen >= 0 AND recovered_fen <= confirmed_fen)",
        name="recovered_in_confirmed",
    ),
    CheckConstraint("confirmed_fen IS NULL OR confirmed_fen >= 0", name="confirmed_not_negative"),
    CheckConstraint("state NOT IN ('C80', 'C90') OR outcome IS NOT NULL", name="closed_with_outcome"),
    CheckConstraint("outcome <> 'O8_EXPLAINED' OR innocent IS NOT NULL", name="explained_by_what"),
    CheckConstraint(
        "legal_by <> first_reviewer AND legal_by <> second_reviewer AND legal_by <> signer", name="legal_is_another"
    ),
    CheckConstraint(
        "state NOT IN ('C70', 'C80', 'C85', 'C93') OR confirmed_fen IS NULL OR (board_from_fen IS NOT NULL AND legal_from_fen IS NOT NULL"
        " AND (confirmed_fen < board_from_fen OR board_id IS NOT NULL) AND (confirmed_fen < legal_from_fen OR legal_by IS NOT NULL)"
        " AND (NOT grave OR (board_id IS NOT NULL AND legal_by IS NOT NULL)))",
        name="heard_before_signed",
    ),
)

#: The leads a case is made of: several weeks' leads about one subject are one case.
LEADS = Table(
    "leads",
    METADATA,
    Column("lead_id", Integer, primary_key=True),
    Column("case_id", Integer, ForeignKey("cases.case_id"), nullable=False, index=True),
    Column("run", String(40), nullable=False),
    Column("list", String(16), nullable=False),
    Column("lead", Integer, nullable=False),
    Column("as_of", String(10), nullable=False),
    Column("slot", String(8), nullable=False),
    Column("selection_prob", String(24), nullable=False, default=""),
    Column("rank", Integer),
    Column("model", String(64), nullable=False, default=""),
    UniqueConstraint("run", "list", "lead"),
)

#: Everything that happened to a case, in order; nothing is overwritten. kind: move, note, amount, file, link …
#: once: of the form that was posted, so that the same form posted again does nothing.
EVENTS = Table(
    "events",
    METADATA,
    Column("event_id", Integer, primary_key=True),
    Column("case_id", Integer, ForeignKey("cases.case_id"), nullable=False, index=True),
    Column("at", DateTime, nullable=False),
    Column("who", Integer, ForeignKey(_WHO)),
    Column("kind", String(16), nullable=False),
    Column("from_state", String(3)),
    Column("to_state", String(3)),
    Column("note", Text, nullable=False, default=""),
    Column("detail", JSON, nullable=False, default=dict),
    Column("once", String(32)),
    Index("ix_events_once", "once", unique=True),
)

#: Who inspects a case, each with a declaration that no conflict of interest is known.
OFFICERS = Table(
    "officers",
    METADATA,
    Column("case_id", Integer, ForeignKey("cases.case_id"), primary_key=True),
    Column("person_id", Integer, ForeignKey(_WHO), primary_key=True),
    Column("declared_at", DateTime),
)

#: Papers and photographs of a case: the bytes lie beside the database, named by their hash.
FILES = Table(
    "files",
    METADATA,
    Column("file_id", Integer, primary_key=True),
    Column("case_id", Integer, ForeignKey("cases.case_id"), nullable=False, index=True),
    Column("sha256", String(64), nullable=False),
    Column("name", String(200), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("who", Integer, ForeignKey(_WHO), nullable=False),
    UniqueConstraint("case_id", "sha256"),
)

#: 法制审核: what somebody said in law of a case before its decision; the case names who passed it.
LEGAL_REVIEWS = Table(
    "legal_reviews",
    METADATA,
    Column("legal_review_id", Integer, primary_key=True),
    Column("case_id", Integer, ForeignKey("cases.case_id"), nullable=False, index=True),
    Column("passed", Boolean, nullable=False),
    Column("note", Text, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("who", Integer, ForeignKey(_WHO), nullable=False),
)

#: 案审会: a case was spoken of by three or more who had no part in it. minutes: the paper of the case that says so.
BOARDS = Table(
    "boards",
    METADATA,
    Column("board_id", Integer, primary_key=True),
    Column("case_id", Integer, ForeignKey("cases.case_id"), nullable=False, index=True),
    Column("held_on", String(10), nullable=False),
    Column("opinion", Text, nullable=False),
    Column("minutes", Integer, ForeignKey("files.file_id"), nullable=False),
    Column("at", DateTime, nullable=False),
    Column("who", Integer, ForeignKey(_WHO), nullable=False),
)
ATTENDANCES = Table(
    "attendances",
    METADATA,
    Column("board_id", Integer, ForeignKey("boards.board_id"), primary_key=True),
    Column("person_id", Integer, ForeignKey(_WHO), primary_key=True),
    Column("agrees", Boolean, nullable=False),
)

#: What a decision orders, each with its own amount, date and paper. kind: states.DISPOSITIONS.
DISPOSITIONS = Table(
    "dispositions",
    METADATA,
    Column("disposition_id", Integer, primary_key=True),
    Column("case_id", Integer, ForeignKey("cases.case_id"), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("amount_fen", BigInteger),
    Column("due_at", DateTime),
    Column("at", DateTime, nullable=False),
    Column("who", Integer, ForeignKey(_WHO), nullable=False),
    Column("document", String(80), nullable=False, server_default=""),
    Column("done_at", DateTime),
    Column("done_by", Integer, ForeignKey(_WHO)),
    CheckConstraint("amount_fen IS NULL OR amount_fen >= 0", name="amount_not_negative"),
)

#: 告知: the subject was told and may answer until the deadline. waived: said in writing that nothing is objected.
APPEALS = Table(
    "appeals",
    METADATA,
    Column("appeal_id", Integer, primary_key=True),
    Column("case_id", Integer, ForeignKey("cases.case_id"), nullable=False, index=True),
    Column("told_at", DateTime, nullable=False),
    Column("deadline", DateTime, nullable=False),
    Column("waived", Boolean, nullable=False, default=False),
)

#: Each ground of an answer, and what another officer replied to it.
GROUNDS = Table(
    "grounds",
    METADATA,
    Column("ground_id", Integer, primary_key=True),
    Column("appeal_id", Integer, ForeignKey("appeals.appeal_id"), nullable=False, index=True),
    Column("said", Text, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("who", Integer, ForeignKey(_WHO), nullable=False),
    Column("late", Boolean, nullable=False),
    Column("accepted", Boolean),
    Column("answer", Text),
    Column("answered_at", DateTime),
    Column("answered_by", Integer, ForeignKey(_WHO)),
    CheckConstraint("answered_by <> who", name="answered_by_another"),
)

#: First reviews, and second first reviews by somebody who does not see the first (part: first, blind, found). decision NULL = under way,
#: then person_id and held_until say who has it in hand. worth: whether the lead was worth a look, asked apart from guilt.
REVIEWS = Table(
    "reviews",
    METADATA,
    Column("review_id", Integer, primary_key=True),
    Column("case_id", Integer, ForeignKey("cases.case_id"), nullable=False, index=True),
    Column("part", String(8), nullable=False),
    Column("person_id", Integer, ForeignKey(_WHO)),
    Column("held_until", DateTime),
    Column("due_at", DateTime),
    Column("decision", String(24)),
    Column("worth", Boolean),
    Column("note", Text, nullable=False, default=""),
    Column("at", DateTime),
)

#: Cases that have to do with one another; the smaller id first.
LINKS = Table(
    "links",
    METADATA,
    Column("one", Integer, ForeignKey("cases.case_id"), primary_key=True),
    Column("other", Integer, ForeignKey("cases.case_id"), primary_key=True, index=True),
    Column("note", Text, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("who", Integer, ForeignKey(_WHO), nullable=False),
    CheckConstraint("one < other", name="smaller_first"),
)


def _by_two() -> list[Any]:
    """Columns and constraints of what one officer writes down at the place and another one, a different person, confirms. client: made by whoever sends it, so
    that what is sent twice is stored once; withdrawn_at: replaced by its own writer, and kept."""
    return [
        Column("code", String(16), nullable=False),
        Column("note", Text, nullable=False, default=""),
        Column("client", String(64), nullable=False, unique=True),
        Column("said_by", Integer, ForeignKey(_WHO), nullable=False),
        Column("said_at", DateTime, nullable=False),
        Column("second_by", Integer, ForeignKey(_WHO)),
        Column("second_at", DateTime),
        Column("second_note", Text, nullable=False, default=""),
        Column("second_client", String(64)),
        Column("photo", Integer, ForeignKey("files.file_id")),
        Column("withdrawn_at", DateTime),
        CheckConstraint("second_by <> said_by", name="confirmed_by_another"),
        CheckConstraint("second_by IS NULL OR second_at IS NOT NULL", name="confirmed_when"),
    ]


#: What was found at a bed of a published bed check (run, lead). case_id: the stay's case; stay, unit: as that list has them.
BED_RESULTS = Table(
    "bed_results",
    METADATA,
    Column("result_id", Integer, primary_key=True),
    Column("run", String(40), nullable=False, index=True),
    Column("lead", Integer, nullable=False),
    Column("case_id", Integer, ForeignKey("cases.case_id"), nullable=False, index=True),
    Column("stay", String(64), nullable=False),
    Column("unit", String(32), nullable=False, default=""),
    Column("checked_at", DateTime, nullable=False),
    *_by_two(),
    Index("ix_bed_results_second_client", "second_client", unique=True),
    Index("ix_bed_results_standing", "run", "lead", unique=True, sqlite_where=_STANDING, postgresql_where=_STANDING),
)

#: What was found of a task at a suspect's place (inspection/tasks.py). key, kind, text, basis, rows: the task as it was read then.
TICKS = Table(
    "ticks",
    METADATA,
    Column("tick_id", Integer, primary_key=True),
    Column("case_id", Integer, ForeignKey("cases.case_id"), nullable=False, index=True),
    Column("key", String(12), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("text", Text, nullable=False),
    Column("basis", Text, nullable=False, default=""),
    Column("rows", JSON, nullable=False, default=list),
    *_by_two(),
    Index("ix_ticks_second_client", "second_client", unique=True),
    Index("ix_ticks_standing", "case_id", "key", unique=True, sqlite_where=_STANDING, postgresql_where=_STANDING),
)

#: What one person asks and a second one grants: more time (extend), a closed case opened again (reopen).
REQUESTS = Table(
    "requests",
    METADATA,
    Column("request_id", Integer, primary_key=True),
    Column("case_id", Integer, ForeignKey("cases.case_id"), nullable=False, index=True),
    Column("kind", String(8), nullable=False),
    Column("days", Integer),
    Column("note", Text, nullable=False),
    Column("asked_at", DateTime, nullable=False),
    Column("asked_by", Integer, ForeignKey(_WHO), nullable=False),
    Column("granted", Boolean),
    Column("answered_at", DateTime),
    Column("answered_by", Integer, ForeignKey(_WHO)),
    CheckConstraint("answered_by <> asked_by", name="granted_by_another"),
)

#: Lists sent down from above (下发疑点): the workbook as it came lies beside the papers under its hash. columns: sheet → column
#: (from 0) → field, as it was read. number: what the office calls the list.
SENT_LISTS = Table(
    "sent_lists",
    METADATA,
    Column("sent_id", Integer, primary_key=True),
    Column("number", String(32), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("source", String(64), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("as_of", String(10), nullable=False),
    Column("at", DateTime, nullable=False),
    Column("due_at", DateTime, nullable=False),
    Column("columns", JSON, nullable=False),
    Column("who", Integer, ForeignKey(_WHO)),
)

#: Their rows: what each was matched to and how, its heap with grounds and defences, its case, and what was answered where there is no case.
SENT_ROWS = Table(
    "sent_rows",
    METADATA,
    Column("row_id", Integer, primary_key=True),
    Column("sent_id", Integer, ForeignKey("sent_lists.sent_id"), nullable=False, index=True),
    Column("sheet", String(64), nullable=False),
    Column("line", Integer, nullable=False),
    Column("number", String(64), nullable=False),
    Column("kind", String(200), nullable=False),
    Column("item", String(200), nullable=False),
    Column("amount_fen", BigInteger),
    Column("level", String(8), nullable=False),
    Column("how", Text, nullable=False),
    Column("told", JSON, nullable=False),
    Column("bills", JSON, nullable=False),
    Column("grain", String(16), nullable=False),
    Column("entity_id", String(64), nullable=False),
    Column("unit", String(32), nullable=False),
    Column("psn_no", String(64), nullable=False),
    Column("area", String(12), nullable=False),
    Column("tier", String(8), nullable=False),
    Column("grounds", JSON, nullable=False),
    Column("defences", JSON, nullable=False),
    Column("case_id", Integer, ForeignKey("cases.case_id"), index=True),
    Column("verdict", String(8), nullable=False, server_default=""),
    Column("situation", Text, nullable=False, server_default=""),
    Column("answered_at", DateTime),
    Column("answered_by", Integer, ForeignKey(_WHO)),
    UniqueConstraint("sent_id", "sheet", "line"),
    CheckConstraint("verdict IN ('', 'no', 'unsure')", name="true_by_case_only"),
)

#: The chain: each row's hash covers the row before it (serving/desk/log.py). who NULL = nobody was signed in.
LOG = Table(
    "log",
    METADATA,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    Column("who", String(64), nullable=False, default=""),
    Column("act", String(32), nullable=False),
    Column("about", String(120), nullable=False, default=""),
    Column("detail", Text, nullable=False, default="{}"),
    Column("prev", String(64), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
)
