"""A draft of a mapping for a source: which of its tables, columns, units and values are which of ours.

Every line says how sure it is, 0 to 1, and why; what a person should look at is marked ``← check``, and what was not
understood is told. Where a line is not marked, the warehouse is the one a careful hand would have made.
"""

from __future__ import annotations

import fnmatch
import glob
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from claims.drafting.evidence import SURNAMED, named
from claims.drafting.matching import HINTS, Matched, Pair, assign, columns_of, recognise
from claims.drafting.profile import DATABASE_ROWS, Dataset, Export, open_export
from claims.drafting.relations import relate
from claims.drafting.thesaurus import plain
from claims.drafting.units import Unit, marked, units
from claims.drafting.values import Values, values_of
from claims.drafting.whole import CHECK, Verdicts, verdicts_of
from claims.schema.mapping import Mapping
from claims.schema.tables import SOURCE
from claims.sources.naming import table_of

#: Likeness from which a data set is taken for a table; and below which a column is proposed as a remark only, where
#: it may be absent and where much rests on it.
TABLE, COLUMN, REQUIRED = 0.5, 0.5, 0.4
#: Likeness of a name from which a column nobody took is told as what it may be.
POSSIBLE = 0.4
#: Local columns that may say when a row was known.
TOLD = ("crte_time", "updt_time", "create_time", "上传时间", "入库时间", "创建时间", "更新时间", "录入时间", "写入时间")


@dataclass
class Draft:
    """A mapping as TOML, how sure each line is (``table.column`` → 0–1), and what a person must look at."""

    text: str = ""
    sure: dict[str, float] = field(default_factory=dict)
    check: list[str] = field(default_factory=list)  # table.column of every line that is marked
    unknown: list[str] = field(default_factory=list)  # what was not understood, in words


def draft_mapping(source: Path | str) -> Draft:
    """A draft for a file, folder, zip or database address. UserError if nothing can be read."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(str(Path(folder) / "draft.duckdb")) as con:
        export = open_export(source, con, Path(folder))
        matched, strange = understand(export)
        return _Writer(export, matched, strange).write()


def understand(export: Export) -> tuple[list[Matched], list[Dataset]]:
    """The data sets that are tables of ours, and those that are none."""
    matched, strange = [], []
    for dataset in export.datasets:
        score, table, pairs = recognise(dataset)[0]
        if score >= TABLE and dataset.rows:
            matched.append(Matched(dataset, table, round(score, 2), pairs))
        else:
            strange.append(dataset)
    for _ in range(2):  # what is known of one table tells of the next
        relations = relate(export, matched)
        for one in matched:
            one.pairs = assign(one.dataset, one.table, relations[one.dataset.number])
    order = list(SOURCE)
    return sorted(matched, key=lambda m: (order.index(m.table.name), -m.dataset.rows)), strange


def quoted(text: str) -> str:
    """A TOML string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + '"'


@dataclass
class _Writer:
    export: Export
    matched: list[Matched]
    strange: list[Dataset]
    draft: Draft = field(default_factory=Draft)
    lines: list[str] = field(default_factory=list)
    classes: dict[str, tuple[str, str]] = field(default_factory=dict)
    values: dict[tuple[int, str], Values] = field(default_factory=dict)

    def write(self) -> Draft:
        found = units(self.export, self.matched)
        self.values = _shared(self.matched)
        body: list[str] = []
        for table in SOURCE:
            mine = [m for m in self.matched if m.table.name == table]
            if mine:
                self.lines = []
                self._table(mine, found[table])
                body += self.lines
        head = ['name = "draft"', 'unit = "yuan"  # of tables and columns that say nothing else', ""]
        if self.export.unzoned:
            why = f'the times of {", ".join(self.export.unzoned[:3])} do not say; "local" if eight hours too late'
            head.insert(2, f'int96 = "utc"  # {why}{self._mark("int96", True)}')
        if self.classes:
            head.append("[visit_class]  # local codes of med_type by what their rows do ← check")
            head += [f"{quoted(c)} = {quoted(k)}  # {why}" for c, (k, why) in self.classes.items()]
            head.append("")
        self._unknown()
        missing = [f"# no table for {t.name} ({t.zh}), which must be there" for t in SOURCE.values() if t.required
                   and not any(m.table.name == t.name for m in self.matched)]  # fmt: skip
        told = [f"# not understood: {line}" for line in self.draft.unknown]
        self.draft.text = "\n".join([*head, *body, *missing, *told, ""])
        return self.draft

    def _table(self, mine: Sequence[Matched], unit: Unit) -> None:
        table, most = mine[0].table, max(m.sure for m in mine)
        rows = sum(m.dataset.rows for m in mine)
        self.draft.sure[f"table.{table.name}"] = most
        titles = ", ".join(m.dataset.title for m in mine)
        mark = self._mark(f"table.{table.name}", most < 0.6)
        self.lines.append(f"[tables.{table.name}]  # {most:.2f} {titles}: {rows:,} rows{mark}")
        if any(m.dataset.rows == DATABASE_ROWS for m in mine):
            self.lines.append(f"# only the first {DATABASE_ROWS:,} rows were looked at")
        if files := self._files(mine):
            self.lines.append(f"files = [{', '.join(map(quoted, files))}]")
        money = [c.name for c in table.columns if c.kind in ("money", "price") and any(c.name in m.pairs for m in mine)]
        if money and not all(marked(mine[0].local(c) or "") for c in money):
            mark = self._mark(f"{table.name}.unit", unit.guessed)
            self.lines.append(f"unit = {quoted(unit.unit)}  # {unit.why}{mark}")
        held = [c for m in mine for c in m.dataset.columns]
        if names := [c for c in dict.fromkeys(held) if plain(c) in SURNAMED]:
            self.lines.append(f"drop = [{', '.join(map(quoted, names))}]  # names of people are not kept")
        if "certno" in mine[0].pairs and mine[0].dataset.columns[mine[0].pairs["certno"].local].certificate > 0.5:
            self.lines.append('# keyed = ["certno"]  # plain identity numbers: with this line only their HMAC is kept')
        if told := [c for c in dict.fromkeys(held) if plain(c) in TOLD]:
            self.lines.append(f"# known_at = {quoted(told[0])}  # if it says when the bureau knew of the row")
        self.lines.append(f"[tables.{table.name}.columns]")
        self._columns(mine, unit)
        self.lines.append("")
        if table.name == "persons" and mine[0].local("opsp_dise_code") and not self._has("chronic_registry"):
            self.draft.sure["table.chronic_registry"] = 0.9
            self.lines += [
                "[tables.chronic_registry]  # 0.90 persons who carry a chronic disease",
                'derive = "persons"',
            ]
            self.lines += ['where = "opsp_dise_code"', ""]

    def _columns(self, mine: Sequence[Matched], unit: Unit) -> None:
        table, hints = mine[0].table, {h.name for h in HINTS.get(mine[0].table.name, ())}
        made: Verdicts | None = verdicts_of(mine[0])
        told = {made.local} if made else set()
        taken = {m.dataset.number: told | {m.pairs[h].local for h in hints if made and h in m.pairs} for m in mine}
        doubts: list[str] = []
        for column in table.columns:
            pairs = [(m, m.pairs[column.name]) for m in mine if column.name in m.pairs]
            if not pairs or (made and column.name == made.official):
                continue
            best = max((p for _, p in pairs), key=lambda p: p.sure)
            if best.sure < (REQUIRED if column.required else COLUMN) and not column.needed:
                doubts.append(f"# perhaps {column.name} = {quoted(best.local)}  # {best.sure:.2f} {best.why}")
                continue
            for m, pair in pairs:
                taken[m.dataset.number].add(pair.local)
            self._column(mine, column.name, pairs, best, unit)
        self.lines += self._stand_ins(mine)
        if made:
            key = f"{table.name}.{made.official}"
            self.draft.sure[key] = made.sure
            self.lines += made.lines
            if made.unsure:
                self.draft.check.append(key)
        self.lines += doubts
        for m in mine:
            dropped = {c for c in m.dataset.columns if plain(c) in (*SURNAMED, *TOLD)}
            left = [c for c in m.dataset.columns if c not in taken[m.dataset.number] | dropped]
            self.draft.unknown += [f"{m.dataset.title}: column {c}{_shown(m, c)}{_perhaps(m, c)}" for c in left]

    def _column(
        self, mine: Sequence[Matched], official: str, pairs: list[tuple[Matched, Pair]], best: Pair, unit: Unit
    ) -> None:
        table = mine[0].table.name
        sources = list(dict.fromkeys(p.local for _, p in pairs))
        if len(pairs) < len(mine):
            sources.append("")
        told = [self.values.get((m.dataset.number, official)) for m, _ in pairs]
        values = _together([v for v in told if v is not None])
        settings = [
            f"from = {quoted(sources[0])}" if len(sources) == 1 else f"from = [{', '.join(map(quoted, sources))}]"
        ]
        if own := unit.other.get(official):
            settings.append(f"unit = {quoted(own)}")
        why = best.why
        if best.tied:
            why += f"; or is it {best.tied}?"
        if values and values.pad:
            settings.append(f"pad = {values.pad}")
        if values and values.values:
            inner = ", ".join(f"{quoted(v)} = {quoted(c)}" for v, c in values.values.items())
            settings.append(f"values = {{ {inner} }}")
        mark = self._mark(f"{table}.{official}", best.doubtful or bool(values and values.doubtful))
        self.draft.sure[f"{table}.{official}"] = best.sure
        plainly = len(settings) == 1 and len(sources) == 1
        rule = quoted(sources[0]) if plainly else f"{{ {', '.join(settings)} }}"
        self.lines.append(f"{official} = {rule}  # {best.sure:.2f} {why}{mark}")
        if values:
            self._values(official, values)

    def _values(self, official: str, values: Values) -> None:
        """Remarks on what was made of a code set, with the rows of each code."""
        if values.values:
            shown = ", ".join(f"{v} {values.counts.get(v, 0):,}" for v in values.values)
            self.lines.append(f"#   rows: {shown}")
        self.lines += [f"#   {v}: {why} {CHECK}" for v, why in values.notes.items() if v not in values.classes]
        for value, klass in values.classes.items():
            self.classes[value] = (klass, f"{values.counts.get(value, 0):,} rows; {values.notes[value]}")
        if values.unknown:
            shown = ", ".join(f"{quoted(v)} {n:,}" for v, n in list(values.unknown.items())[:20])
            self.lines.append(f"#   codes of no table, with their rows: {shown} {CHECK}")
            self.draft.unknown.append(f"values of {official}: {shown}")

    def _stand_ins(self, mine: Sequence[Matched]) -> list[str]:
        """What is there for columns that must be filled and that no local column names."""
        table, first = mine[0].table, mine[0]
        lines = []
        for column in table.columns:
            least = 0.0 if column.needed else REQUIRED if column.required else COLUMN
            if any(column.name in m.pairs and m.pairs[column.name].sure >= least for m in mine):
                continue
            key = f"{table.name}.{column.name}"
            stand_in = self._stand_in(first, column.name)
            if stand_in and (column.required or column.needed or column.name in table.key):
                doubtful = column.name != "check_id"
                self.draft.sure[key] = 0.4 if doubtful else 0.9
                mark = self._mark(key, doubtful)
                lines.append(f"{column.name} = {stand_in[0]}  # {self.draft.sure[key]:.2f} {stand_in[1]}{mark}")
            elif column.needed:
                lines.append(f"# MISSING: {column.name} ({column.zh}); intake refuses the table without it {CHECK}")
                self.draft.check.append(key)
            elif column.required and not (table.name == "fee_details" and column.name in ("psn_no", "fixmedins_code")):
                lines.append(f"# missing: {column.name} ({column.zh}); what needs it is not evaluable")
        return lines

    def _stand_in(self, one: Matched, official: str) -> tuple[str, str] | None:
        bill, item = one.local("setl_id"), one.local("med_list_codg")
        if official == "mdtrt_id" and bill:
            return quoted(bill), "no column names the visit: each settlement is one"
        if official == "feedetl_sn" and item and one.local("fee_ocur_time"):
            cells = [one.local(c) for c in ("mdtrt_id", "setl_id", "fee_ocur_time", "med_list_codg", "cnt")]
            joined = ", ".join(quoted(c) for c in cells if c)
            return f"{{ join = [{joined}] }}", "no column numbers the lines: equal lines become one"
        if official == "check_id":
            cells = [one.local(c) for c in ("mdtrt_id", "check_time")]
            return f"{{ join = [{', '.join(quoted(c) for c in cells if c)}] }}", "visit and time name a check"
        if official in ("admdvs", "insuplc_admdvs"):
            areas = [
                m.dataset.columns[m.pairs[c].local].counts
                for m in self.matched
                for c in ("insuplc_admdvs", "admdvs")
                if c in m.pairs and m.dataset.columns[m.pairs[c].local].counts
            ]
            if areas:
                return f"{{ constant = {quoted(max(areas[0], key=lambda a: areas[0][a]))} }}", "the area of most rows"
        return None

    def _files(self, mine: Sequence[Matched]) -> list[str]:
        """Patterns that name the data sets of a table and no other; none where their names say it by themselves."""
        official, table = Mapping(), mine[0].table.name
        stems = list(dict.fromkeys(s for m in mine for s in m.dataset.stems))
        others = [s for d in self.export.datasets if d not in [m.dataset for m in mine] for s in d.stems]
        native = all(table_of(s, official) == table for s in stems)
        if native and not any(table_of(s, official) == table for s in others):
            return []
        patterns = list(dict.fromkeys(re.sub(r"\d+", "*", glob.escape(s)) for s in stems))
        loose = [p for p in patterns if not any(_matches(o, p) for o in others)]
        return loose if len(loose) == len(patterns) else [glob.escape(s) for s in stems]

    def _unknown(self) -> None:
        strange = [
            f"{d.title}: {d.rows:,} rows, like no table of ours; columns {', '.join(list(d.columns)[:8])}"
            for d in self.strange
        ]
        unread = [f"{i.name} ({i.reason})" for i in self.export.unread]
        self.draft.unknown = [*strange, *unread, *self.draft.unknown]

    def _has(self, table: str) -> bool:
        return any(m.table.name == table for m in self.matched)

    def _mark(self, key: str, doubtful: bool) -> str:
        if doubtful and key not in self.draft.check:
            self.draft.check.append(key)
        return f" {CHECK}" if doubtful else ""


def _matches(stem: str, pattern: str) -> bool:
    return fnmatch.fnmatch(stem.strip().lower(), pattern.lower())


def _shown(one: Matched, column: str) -> str:
    held = one.dataset.columns[column]
    some = list(held.counts)[:4] or held.values[:2]
    return f" ({', '.join(some)})" if some and held.certificate < 0.1 and held.chinese < 0.9 else ""


def _perhaps(one: Matched, column: str) -> str:
    """The columns nobody else is that its name may mean."""
    like = {c: named(column, c)[0] for c in columns_of(one.table) if one.local(c.name) in (None, column)}
    best = sorted((c for c, name in like.items() if name >= POSSIBLE), key=lambda c: -like[c])[:3]
    return f"; perhaps {' or '.join(f'{c.name} {c.zh}' for c in best)}" if best else ""


def _shared(matched: Sequence[Matched]) -> dict[tuple[int, str], Values]:
    """(data set, official column) → what its values mean; what one table tells of a code holds for the others."""
    found = {
        (m.dataset.number, official): values
        for m in matched
        for official in m.pairs
        if (values := values_of(m, official, matched)) is not None
    }
    for (_, official), values in found.items():
        for (_, other), told in found.items():
            if other == official and told is not values:
                for value in [v for v in values.unknown if v in told.values]:
                    values.values[value] = told.values[value]
                    values.notes[value] = told.notes.get(value, "as in another table")
                    del values.unknown[value]
    return found


def _together(found: list[Values]) -> Values | None:
    """What several data sets of one table say of a column's values."""
    if not found:
        return None
    whole = Values(max(v.pad for v in found))
    for one in found:
        whole.values |= one.values
        whole.classes |= one.classes
        whole.notes |= one.notes
        whole.unknown |= one.unknown
        whole.counts = {k: whole.counts.get(k, 0) + one.counts.get(k, 0) for k in {**whole.counts, **one.counts}}
    return whole
