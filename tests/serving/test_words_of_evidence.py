"""What an officer reads in evidence: official meanings, never a code."""

from serving.lists.schema import ROW_MONEY, TABLES, meaning
from serving.web.render import cell


def test_codes_are_told_by_the_table_of_their_column() -> None:
    assert cell("4", "dscg_way") == "非医嘱离院"
    assert cell("1", "gend") == "男"
    assert cell("390", "insutype") == "城乡居民基本医疗保险"
    assert cell("suspended", "stas") == "暂停"
    assert cell("4", "cnt") == "4", "a number in another column is no code"
    assert meaning("dscg_way", "本院自编") == "本院自编"


def test_tables_and_money_of_a_sheet_have_names() -> None:
    assert TABLES["fee_details"] == "费用明细"
    assert ROW_MONEY == "计入本项（元）"
