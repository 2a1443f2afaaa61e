"""R02, R07, R17, R41, R48, R60, R66: what contradicts, what stands empty, and what only looks so."""

from tests.features.catalog.drawn import draw, measure_of
from tests.features.catalog.stays_drawn import stays

LINES = "feedetl_sn mdtrt_id psn_no fixmedins_code happened_at is_inpatient med_chrgitm_type fen hilist_name\n"


def test_an_operation_of_the_other_sex() -> None:
    con = draw(
        persons="psn_no gend brdy\nann 2 1980-01-01\nbob 1 1980-01-01\nboy 1 2025-05-01\n",
        stays=stays("""
            his  bob ward 06-01 06-08 dx=R10 oprn_oprt_code=68.4100x001
            hers ann ward 06-01 06-08 dx=R10 oprn_oprt_code=68.4100x001
            she  ann ward 06-10 06-18 dx=R10 oprn_oprt_code=60.2900
            son  ann ward 06-20 06-22 dx=R10 oprn_oprt_code=64.0x00
            born boy ward 06-01 06-04 dx=R10 oprn_oprt_code=74.1x01
        """),
        operations="mdtrt_id seq oprn_oprt_code\nhis 1 68.4100x001\n",
    )
    found = measure_of(con, "rule_r60", of="his hers she son born")
    assert found["rule_r60"].to_dict() == {"born": 0, "hers": 0, "his": 1, "she": 1, "son": 0}
    assert found.loc["his", "rule_r60_fen"] == 300000, "a stay counts once, in whichever table it is told"
    people = measure_of(con, "rule_r60_person", of="ann bob boy")
    assert people["rule_r60_person_365"].tolist() == [1, 1, 0]


def test_items_know_a_sex_too() -> None:
    con = draw(
        catalog="med_list_codg lmt_gend\ngyn 2\nglans 1\n",
        persons="psn_no gend brdy\nann 2 1990-01-01\nbob 1 1970-01-01\neve 2 1950-01-01\nboy 1 2025-05-01\n",
        lines="""
            feedetl_sn psn_no fixmedins_code happened_at med_list_codg med_chrgitm_type scope_fen
            1          ann    ward           06-01T10:00 gyn           03               4000
            2          bob    ward           06-01T10:00 gyn           03               4000
            3          ann    ward           06-01T10:00 glans         05               4000
            4          eve    ward           06-01T10:00 glans         05               4000
            5          boy    ward           06-01T10:00 gyn           03               4000
        """,
    )
    found = measure_of(con, "rule_r41_person", "drug_unfit_yuan", of="ann bob boy eve")
    assert found["rule_r41_person_365"].tolist() == [0, 1, 0, 1], "mother and child share a number (N12)"
    assert found.filter(like="drug_unfit").sum().sum() == 0, "an item is no drug"


def test_the_days_from_the_last_service_to_the_discharge() -> None:
    def bed(visit: str, until: int) -> str:
        return "".join(f"b{visit}{d} {visit} p ward 06-{d:02d}T08:00 true 01 4000 床位费\n" for d in range(1, until))

    def care(visit: str, *days: int) -> str:
        return "".join(f"c{visit}{d} {visit} p ward 06-{d:02d}T09:00 true 05 4000 输液\n" for d in days)

    con = draw(
        stays=stays("""
            tail  ann ward 06-01 06-12 dx=K80
            cared bob ward 06-01 06-05 dx=K80
            away  cat ward 06-01 06-12 dx=K80
            split dan ward 06-01 06-12 dx=K80
            lump  eve ward 06-01 06-12 dx=K80
        """),
        filings="psn_no kind begndate enddate\ncat 请假 06-02 06-10\ndan 请假 06-02 06-03\n",
        lines=LINES + bed("tail", 12) + care("tail", 1) + bed("cared", 5) + care("cared", 1, 2, 3, 4)
        + bed("away", 12) + care("away", 1) + bed("split", 12) + care("split", 1) + care("lump", 1),
    )  # fmt: skip
    found = measure_of(con, "rule_r02", of="tail cared away split lump")
    assert found["rule_r02"].to_dict() == {"away": 0, "cared": 0, "lump": 0, "split": 1, "tail": 1}, (
        "leave for nine of eleven days; for two of them; a bill of one day tells no days"
    )
    assert found.loc["tail", "rule_r02_fen"] == 300000


def test_wards_without_holidays_stay_full() -> None:
    rows = "\n".join(
        f"{unit}{i} {unit}p{i} {unit} 01-05 02-20 dx={dx} level=1"
        for unit, dx in (("mind", "F20.0"), ("kidney", "N18.5"), ("full", "M54.5"))
        for i in range(12)
    )
    found = measure_of(draw(stays=stays(rows)), "rule_r07", of="full kidney mind")
    assert found["rule_r07_365"].tolist() == [1, 0, 0]


def test_acupuncture_is_no_injection() -> None:
    fees = {"prick": ("05", "普通针刺"), "drip": ("05", "静脉输液"), "shot": ("09", "利多卡因针")}
    con = draw(
        stays=stays("\n".join(f"{v} p{v} ward 06-01 06-06 dx=M54.5" for v in fees)),
        lines=LINES + "".join(f"{v}1 {v} p{v} ward 06-02T09:00 true {kind} 4000 {name}\n" for v, (kind, name) in fees.items()),
    )  # fmt: skip
    assert measure_of(con, "rule_r17", of="prick drip shot")["rule_r17"].to_dict() == {"drip": 0, "prick": 1, "shot": 0}


def test_tablets_out_of_boxes() -> None:
    moves = "move_id fixmedins_code med_list_codg move_type cnt_e4 pric_e6 move_time\n"
    moves += "".join(f"{u} {u} drug buy 100000 28000000 2025-01-02\n" for u in ("boxes", "loose", "ghost"))
    con = draw(
        catalog="med_list_codg pack_factor\ndrug 28\n",
        stock_moves=moves,
        lines="""
            feedetl_sn psn_no fixmedins_code happened_at med_list_codg cnt pric scope_fen
            1          ann    boxes          06-01T10:00 drug          20  30   60000
            2          bob    loose          06-01T10:00 drug          280 1.1  30800
            3          cat    ghost          06-01T10:00 drug          560 1.1  61600
        """,
    )
    found = measure_of(con, "rule_r48", of="boxes loose ghost")
    assert found["rule_r48_365"].to_dict() == {"boxes": 1, "ghost": 1, "loose": 0}
    assert found["rule_r48_365_fen"].to_dict() == {"boxes": 30000, "ghost": 30800, "loose": 0}


def test_the_cap_of_the_year() -> None:
    con = draw(
        policy_params="key value begndate enddate\nfund_cap 1000 2024-01-01 2024-12-31\nfund_cap 2000 2025-01-01 -\n",
        settlements="""
            setl_id psn_no fixmedins_code happened_at         fund_pay_sumamt_fen
            1       ann    ward           2024-10-10T10:00:00 95000
            2       bob    ward           2025-03-10T10:00:00 95000
        """,
    )
    assert measure_of(con, "rule_r66", of="ann bob")["rule_r66_365"].tolist() == [1, 0]
