"""Links that are no co-visits: doctor → pharmacy paths of one patient within a day."""

from __future__ import annotations

import pandas as pd

from claims.errors import UserError


def care_triangles(events: pd.DataFrame, institutions: pd.DataFrame, *, minutes: int = 1440) -> pd.DataFrame:
    """How many different patients go from one doctor to one pharmacy within `minutes`, against chance.

    events: psn_no, fixmedins_code, happened_at, dr_codg, fen; a row at a pharmacy (fixmedins_type 2) is a purchase, a
    row with a doctor a consultation (the last one before the purchase counts). Blank doctors never form a node (rule
    D27). Returns dr_codg, fixmedins_code, patients, paths, fen, share (of the doctor's paths), lift (against the
    pharmacy's share of all paths), most patients first.
    """
    missing = {"psn_no", "fixmedins_code", "happened_at", "dr_codg"} - set(events.columns)
    if missing:
        raise UserError(f"doctor-patient-pharmacy paths need the columns {sorted(missing)}")
    shops = set(institutions.loc[institutions["fixmedins_type"].astype(str) == "2", "fixmedins_code"])
    at = pd.to_datetime(events["happened_at"]).astype("datetime64[s]")
    base = events.assign(happened_at=at)
    base = base[base["psn_no"].notna() & base["happened_at"].notna()]
    seen = base[base["dr_codg"].fillna("").astype(str).ne("") & ~base["fixmedins_code"].isin(shops)]
    bought = base[base["fixmedins_code"].isin(shops)]
    money = bought["fen"] if "fen" in bought else pd.Series(0, index=bought.index)
    left = pd.DataFrame(
        {
            "psn_no": bought["psn_no"].astype("str"),
            "happened_at": bought["happened_at"],
            "fixmedins_code": bought["fixmedins_code"],
            "fen": money,
        }
    )
    right = pd.DataFrame(
        {"psn_no": seen["psn_no"].astype("str"), "happened_at": seen["happened_at"], "dr_codg": seen["dr_codg"]}
    )
    order = ["happened_at", "psn_no"]
    paths = pd.merge_asof(
        left.sort_values([*order, "fixmedins_code"], kind="stable"),
        right.sort_values([*order, "dr_codg"], kind="stable"),
        on="happened_at",
        by="psn_no",
        tolerance=pd.Timedelta(minutes=minutes),
    ).dropna(subset=["dr_codg"])
    out = (
        paths.groupby(["dr_codg", "fixmedins_code"])
        .agg(patients=("psn_no", "nunique"), paths=("psn_no", "size"), fen=("fen", "sum"))
        .reset_index()
    )
    total = max(int(out["paths"].sum()), 1)
    out["share"] = out["paths"] / out.groupby("dr_codg")["paths"].transform("sum")
    out["lift"] = out["share"] / (out.groupby("fixmedins_code")["paths"].transform("sum") / total)
    return out.sort_values(["patients", "dr_codg", "fixmedins_code"], ascending=[False, True, True]).reset_index(
        drop=True
    )
