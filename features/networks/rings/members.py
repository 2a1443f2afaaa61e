"""What the register says of the members of a group: age, address, household."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

#: a telephone, mutual-aid account or address shared by more insured than this ties no household
TIE_LIMITS = {"mulaid_grp_id": 12, "tel_hash": 8, "household": 12, "curr_addr_code": 8}
ADDRESS_NAMES = ("curr_addr_code", "curr_addr")


def describe_people(persons: pd.DataFrame, members: list[str], as_of: datetime | pd.Timestamp) -> pd.DataFrame:
    """One row a member: psn_no, age (years, NaN unknown), curr_addr_code, address_size and address_age (all insured
    there), household (−1 = none).

    Households are the connected parts of shared mutual-aid accounts, telephones, household numbers and addresses of a
    few insured. A person with two insurances counts once.
    """
    people = persons.drop_duplicates("psn_no").set_index("psn_no")
    address = next((people[c] for c in ADDRESS_NAMES if c in people), pd.Series(index=people.index, dtype="str"))
    if "age" in people:
        age = pd.to_numeric(people["age"], errors="coerce").astype("float64")
    elif "brdy" in people:
        age = (pd.Timestamp(as_of) - pd.to_datetime(people["brdy"])).dt.days / 365.25
    else:
        age = pd.Series(np.nan, index=people.index)
    sizes = address.map(address.value_counts())
    ages = address.map(age.groupby(address).median())
    here = people.index.intersection(pd.Index(members))
    out = pd.DataFrame({"curr_addr_code": address, "address_size": sizes, "address_age": ages, "age": age}).reindex(
        members
    )
    out["household"] = _households(people, here, address).reindex(members).fillna(-1).astype("int64")
    return out.rename_axis("psn_no").reset_index()


def _households(people: pd.DataFrame, here: pd.Index, address: pd.Series) -> pd.Series:
    rows, columns, width = [], [], 0
    keys = people.assign(curr_addr_code=address)
    position = pd.Series(np.arange(len(here)), index=here)
    for column, limit in TIE_LIMITS.items():
        if column not in keys:
            continue
        value = keys[column].dropna()
        value = value[value.astype(str) != ""]
        counts = value.value_counts()
        mine = value.reindex(here).dropna()
        mine = mine[mine.map(counts) <= limit]
        code, names = pd.factorize(mine)
        rows.append(position[mine.index].to_numpy())
        columns.append(code + width)
        width += len(names)
    if not rows or width == 0:
        return pd.Series(-1, index=here)
    row, column_codes = np.concatenate(rows), np.concatenate(columns)
    links = sp.csr_matrix((np.ones(len(row)), (row, column_codes + len(here))), shape=(len(here) + width,) * 2)
    label = connected_components(links, directed=False)[1][: len(here)]
    tied = np.bincount(row, minlength=len(here)) > 0
    return pd.Series(np.where(tied, label, -1), index=here)
