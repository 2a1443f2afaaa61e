"""What the as-of views tell of a person or an institution beside what was delivered: age, one row a person, level,
area."""

from claims.schema.codes import hospital_level_sql
from features.knowledge import age_at

#: Table → SELECT of its view over the rows known at T, which it calls `{known}`. A status stands in one row of several.
VIEWS: dict[str, str] = {
    # One row a person: a second insurance must not double rows (contract.md §3.1).
    "persons": f"""SELECT
    * REPLACE (coalesce(psn_idet_type, max(psn_idet_type) OVER (PARTITION BY psn_no)) AS psn_idet_type),
    {age_at("brdy", "(SELECT d FROM main.asof)")} AS age
FROM {{known}}
QUALIFY row_number() OVER (PARTITION BY psn_no ORDER BY insutype) = 1""",
    "institutions": f"""SELECT
    *,
    {hospital_level_sql("hosp_lv")} AS level,
    coalesce(area_code, admdvs, '') AS area
FROM {{known}}""",
}
