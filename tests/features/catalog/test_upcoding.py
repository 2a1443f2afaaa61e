"""A grave diagnosis asks for care; a catchment for no more stays than its people's age explains; customers of a closed shop move."""

from tests.features.catalog.drawn import draw, measure_of


def test_grave_on_paper_and_light_in_the_ward() -> None:
    stays = ["mdtrt_id psn_no fixmedins_code adm_date end_at dx bed_days medfee_fen day_surgery drg_weight"]
    lines = ["feedetl_sn mdtrt_id psn_no fixmedins_code is_inpatient happened_at med_chrgitm_type hilist_name fen"]
    for visit, dx, weight, name in (
        ("light", "I50.900", "3.0", "螺内酯片"),
        ("treated", "I50.900", "3.0", "头孢曲松注射液"),
        ("mild", "K29.500", "-", "螺内酯片"),
    ):
        stays.append(f"{visit} p-{visit} ward 06-01 06-05T10:00 {dx} 4 15000 false {weight}")
        lines += [f"{visit}{i} {visit} p-{visit} ward true 06-0{i + 1}T10:00 09 {name} 5000" for i in range(3)]
    con = draw(stays="\n".join(stays), lines="\n".join(lines))
    found = measure_of(con, "grave_light_care", "grave_daily_fee_yuan", "fee_per_weight_yuan", of="light treated mild")
    assert found["grave_light_care"].to_dict() == {"light": 1, "treated": 0, "mild": 0}
    assert found["grave_daily_fee_yuan"].loc["light"] == 37.5
    assert found["grave_daily_fee_yuan"].isna().to_dict() == {"light": False, "treated": False, "mild": True}
    assert found["fee_per_weight_yuan"].loc["light"] == 50
    weights = measure_of(con, "rule_r67", "rule_r67_cheap", of="light treated mild")
    assert weights["rule_r67"].to_dict() == {"light": 1, "treated": 0, "mild": 0}


def test_half_the_customers_of_a_suspended_shop_at_the_neighbour() -> None:
    rows = ["setl_id psn_no fixmedins_code happened_at acct_pay_fen"]
    for i in range(12):
        rows.append(f"a{i} p{i} shut 05-20T10:{i:02d} 1000")
        rows.append(f"b{i} p{i} {'heir' if i < 8 else 'other'} 06-02T10:{i:02d} 700")
    rows.append("late p11 heir 06-20T10:00 700")
    con = draw(settlements="\n".join(rows), agreement_periods="fixmedins_code begndate stas\nshut 06-01 suspended\n")
    found = measure_of(con, "rule_r33_moved", of="heir other shut")
    assert found["rule_r33_moved_365"].to_dict() == {"heir": 8, "other": 0, "shut": 0}
    assert found["rule_r33_moved_365_fen"].loc["heir"] == 5600


def test_a_price_above_the_area_is_seen_where_three_units_sell() -> None:
    rows = ["feedetl_sn mdtrt_id fixmedins_code happened_at med_list_codg pric fen"]
    for unit, price in (("a", 10), ("b", 10), ("c", 10), ("dear", 15)):
        rows += [f"{unit}{i} v{unit}{i} {unit} 06-{i + 1:02d}T10:00 X1 {price} {price * 100}" for i in range(4)]
    rows += [f"only{i} vo{i} dear 06-{i + 1:02d}T10:00 X2 90 9000" for i in range(20)]
    con = draw(lines="\n".join(rows))
    found = measure_of(con, "rule_r53_dual", of="a dear")
    assert found["rule_r53_dual_365"].to_dict() == {"a": 0, "dear": 4}, (
        "what nobody else sells has no price of the area"
    )
    assert found["rule_r53_dual_365_fen"].loc["dear"] == 4 * 500


def test_more_stays_than_age_explains() -> None:
    people = ["psn_no curr_addr_code age"]
    stays = ["mdtrt_id psn_no fixmedins_code adm_date end_at day_surgery"]
    for home, unit, often in (("east", "busy", 100), ("west", "calm", 15)):
        people += [f"{home}{i} {home} 50" for i in range(250)]
        stays += [f"{home}-v{i} {home}{i} {unit} 06-01 06-05T10:00 false" for i in range(often)]
    con = draw(persons="\n".join(people), stays="\n".join(stays))
    found = measure_of(con, "rule_r68", of="busy calm")
    assert found["rule_r68"].to_dict() == {"busy": 100, "calm": 0}
