"""Counties pooled: what benchmarks/coverage.py judged in each becomes one figure a scheme and grain, and the page."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from features.declarations import load_catalog
from features.grains import GRAINS, SCHEMES

FEWEST = {"admission": 7, "person": 7, "institution": 3, "doctor": 3}
FEWEST_INNOCENTS = 15
DRAWS = 400
STAND_IN = "\\* too few innocents of the scheme's own are named at this grain: everybody else of the same kind stands in for them."
NO_TRACE = (
    "Half of the planted cases of T22 (a diagnosis written to fit the drug) and of T26 (a false entry in the register itself) leave no trace that claims alone could"
    " show (codes.md)."
)
_ABOUT = {"ours", "together", "scheme", "grain", "role", "seed", "as_of", "features", "rules"}


@dataclass(frozen=True)
class Choice:
    """The plain column picked on the counties developed on, and its direction (1 or −1)."""

    column: str
    sign: float


@dataclass(frozen=True)
class Verdict:
    """A line of the table; the figures are (value, low, high), None where there are too few cases."""

    scheme: str
    grain: str
    features: int
    rules: int
    planted: int
    innocents: int
    named: bool
    ours: tuple[float, float, float] | None = None
    plain: tuple[float, float, float] | None = None
    gain: tuple[float, float, float] | None = None
    by: str = ""
    oracle: str = ""
    choice: Choice | None = None

    @property
    def word(self) -> str:
        """covered, ahead, not covered, too few, or no declaration."""
        if self.ours is None or self.gain is None:
            return "too few" if self.features + self.rules else "no declaration"
        if self.gain[1] > 0:
            return "**covered**"
        return "ahead" if self.gain[0] > 0 else "not covered"


def pooled(cases: pd.DataFrame, column: str) -> float:
    """Share of its own county's innocents that a planted case outranks, ties half, mean over the cases of all counties."""
    wins, n = 0.0, 0
    for _, county in cases.groupby(["seed", "as_of"]):
        bad = (county["role"] == "planted").to_numpy()
        b, g = int(bad.sum()), int((~bad).sum())
        if b and g:
            ranks = rankdata(county[column].to_numpy())
            wins += (ranks[bad].sum() - b * (b + 1) / 2) / g
            n += b
    return wins / n if n else 0.5


def draws(cases: pd.DataFrame, columns: list[str]) -> np.ndarray:
    """`pooled` of each column in DRAWS bootstrap draws, the same draws for all columns (columns × DRAWS)."""
    rng = np.random.default_rng(0)
    parts = []
    for _, county in cases.groupby(["seed", "as_of"]):
        bad = (county["role"] == "planted").to_numpy()
        g = int((~bad).sum())
        if bad.any() and g:
            weight = rng.multinomial(g, np.full(g, 1 / g), DRAWS).T / g
            parts.append(np.stack([_wins(county.loc[bad, c], county.loc[~bad, c]) @ weight for c in columns]))
    placed = np.concatenate(parts, axis=1)  # columns × planted × draws
    n = placed.shape[1]
    drawn = rng.multinomial(n, np.full(n, 1 / n), DRAWS).T / n
    return np.asarray(np.einsum("cnd,nd->cd", placed, drawn))


def _wins(bad: pd.Series, good: pd.Series) -> np.ndarray:
    x, y = bad.to_numpy()[:, None], good.to_numpy()[None, :]
    return np.asarray((x > y) + 0.5 * (x == y), np.float32)


def verdicts(table: pd.DataFrame, choices: dict[tuple[str, str], Choice]) -> list[Verdict]:
    """One verdict a scheme and grain; a plain column not chosen yet is the one that separates best here."""
    out = []
    for (scheme, grain), found in table.groupby(["scheme", "grain"]):
        named = found[found["role"] == "innocent"]
        enough = len(named) >= FEWEST_INNOCENTS
        cases = found[found["role"].isin(("planted", "innocent" if enough else "other"))]
        n = int((cases["role"] == "planted").sum())
        head = Verdict(
            str(scheme), str(grain), int(found["features"].max()), int(found["rules"].max()), n, len(cases) - n, enough
        )
        if n < FEWEST[str(grain)] or len(cases) - n < FEWEST_INNOCENTS or not head.features + head.rules:
            out.append(head)
        else:
            out.append(_compare(head, cases, choices.get((head.scheme, head.grain))))
    return sorted(out, key=lambda v: (v.scheme, list(GRAINS).index(v.grain)))  # type: ignore[arg-type]


def _compare(head: Verdict, cases: pd.DataFrame, chosen: Choice | None) -> Verdict:
    columns = [c for c in cases if c not in _ABOUT and cases[c].notna().any()]
    reached = {c: pooled(cases, c) for c in columns}
    oracle = max(reached, key=lambda c: abs(reached[c] - 0.5))
    best = max(reached[oracle], 1 - reached[oracle])
    choice = chosen or Choice(oracle, 1.0 if reached[oracle] >= 0.5 else -1.0)
    cases = cases.assign(single=choice.sign * cases[choice.column])
    sides = {choice.column: ("single", pooled(cases, "single")), "together": ("together", pooled(cases, "together"))}
    by = max(sides, key=lambda name: sides[name][1])
    us, them = draws(cases, ["ours", sides[by][0]])
    figures = {"ours": (pooled(cases, "ours"), us), "plain": (sides[by][1], them)}
    figures["gain"] = (figures["ours"][0] - figures["plain"][0], us - them)
    told = {k: (v, *map(float, np.quantile(d, [0.05, 0.95]))) for k, (v, d) in figures.items()}
    return Verdict(head.scheme, head.grain, head.features, head.rules, head.planted, head.innocents, head.named,
                   told["ours"], told["plain"], told["gain"], by, f"{best:.2f} {oracle}", choice)  # fmt: skip


def page(developed: pd.DataFrame, reported: pd.DataFrame | None, doc: str) -> str:
    """Markdown: the reported counties first, by the plain columns chosen on those developed on, whose own table follows."""
    load_catalog()
    own = verdicts(developed, {})
    choices = {(v.scheme, v.grain): v.choice for v in own if v.choice}
    head, rest = doc.split("\n", 1)
    out = [f"# Coverage of the schemes\n\n{head}\n{rest}"]
    if reported is not None:
        out += _table("Reported: nothing was developed on them", reported, verdicts(reported, choices))
    out += _table("Developed on: no proof", developed, own)
    out.append(f"\n{STAND_IN}\n\n{NO_TRACE}")
    return "\n".join(out)


def _table(title: str, table: pd.DataFrame, found: list[Verdict]) -> list[str]:
    seeds = (
        ", ".join(map(str, sorted(table["seed"].unique())))
        + ", as of "
        + ", ".join(sorted(set(map(str, table["as_of"]))))
    )
    counts = pd.Series([v.word.strip("*") for v in found]).value_counts()
    missing = [f"{code} {name}" for code, name in SCHEMES.items() if code not in {v.scheme for v in found}]
    return [
        f"\n## {title}: seeds {seeds}\n", "; ".join(f"{k} {n}" for k, n in counts.items()) + ".\n",
        "| scheme | grain | features | rules | planted | innocents | ours | plain | by | oracle | gain | verdict |\n|---|---|---:|---:|---:|---:|---|---|---|---|---|---|",
        *(_line(v) for v in found), f"\nNot planted: {', '.join(missing) or 'none'}.",
    ]  # fmt: skip


def _line(v: Verdict) -> str:
    head = f"| {v.scheme} {SCHEMES[v.scheme]} | {GRAINS[v.grain].label} | {v.features} | {v.rules} | {v.planted} | {v.innocents}{'' if v.named else chr(92) + '*'} |"  # type: ignore[index]
    if v.ours is None or v.plain is None or v.gain is None:
        return f"{head} – | – | | | | {v.word} |"
    us, them = (f"{x:.2f} ({low:.2f}–{high:.2f})" for x, low, high in (v.ours, v.plain))
    return f"{head} {us} | {them} | {v.by} | {v.oracle} | {v.gain[0]:+.2f} ({v.gain[1]:+.2f} … {v.gain[2]:+.2f}) | {v.word} |"
