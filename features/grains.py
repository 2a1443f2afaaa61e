"""Whom a number can be about (codes.md): one record a grain, from which everything else about it is read.

Adding one: its name in `Grain`, its record here, its two SQL texts in features/entities.py, what was chosen for it by
measurement in
models/settings.py, and its letter in claims/schema/outcomes.py. A record that lacks something is refused at import,
naming file and line.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from claims.errors import DeclarationError, UserError
from features import entities

Grain = Literal["admission", "person", "institution", "doctor", "ring"]
Layout = Literal["person", "institution", "judged", "county"]
Reversed = Literal["net", "kept", "pairs"]
Worse = Literal["high", "low", "either"]


@dataclass(frozen=True)
class Parent:
    """Somebody an entity belongs to: the entity column `key` names him, his columns stand in its matrix as `prefix__…`.

    `unnamed`: data that never name him are usual. `lends`: columns of his entity table that the entity takes over.
    """

    grain: Grain
    key: str
    prefix: str
    unnamed: bool = False
    lends: tuple[str, ...] = ()


@dataclass(frozen=True)
class PeerGroups:
    """Whose peers an entity is (UX8, codes.md): those who share `columns` of the entity table.

    `fine` and `coarse` are SQL over these columns: the names of its group and of the one that takes its place below ten
    members. A name is a key and is shown; whoever decides reads the columns.
    """

    columns: tuple[str, ...] = ()
    fine: str = ""
    coarse: str = ""


@dataclass(frozen=True, kw_only=True)
class GrainSpec:
    """All that is particular to a grain.

    key: the official column that names the entity. label, list_label: what it is called, and on lists (a group that
    goes to the same places is no
    gang before somebody has decided so). window_days: entities active in the last so many days are ranked, unless the
    command says otherwise.
    layouts: where rows lie complete; none for what only the ring search finds. active, table: SQL of
    features/entities.py; money_of: the key
    whose money {spent} sums. peers, parents: as above. spread: an entity's rows lie in several buckets of any layout,
    so they are gathered;
    several rows of the table are then one entity, at the place where it bills most. yearly: the entities of a whole
    year are held against each
    other, and what they break is told to the grains with `told_yearly`. at_counter: an incoming claim can answer for
    it. personal: its id is a
    personal number, masked on pages. group: it is a set of persons, `members` in its table. episode: it took place
    once, from begin_at to end_at. payment_points: a person whose right to be paid is kept by points (支付资格).
    """

    key: str = ""
    label: str = ""
    list_label: str = ""
    page_title: str = ""
    window_days: int = 0
    peers: PeerGroups = PeerGroups()
    layouts: tuple[Layout, ...] = ()
    active: str = ""
    table: str = ""
    money_of: str = ""
    parents: tuple[Parent, ...] = ()
    spread: bool = False
    yearly: bool = False
    told_yearly: bool = False
    at_counter: bool = False
    personal: bool = False
    group: bool = False
    episode: bool = False
    payment_points: bool = False
    where: str = field(default="", compare=False)

    def active_sql(self, window_days: int) -> str:
        """SELECT of the entity ids active in the last `window_days` before T (open stays are active)."""
        return self.active.format(since=entities.SINCE.format(days=window_days))

    def entities_sql(self, window_days: int) -> str:
        """SELECT of the entity table of docs/design.md §5; money in fen within the window."""
        since = entities.SINCE.format(days=window_days)
        spent = entities.SPENT.format(key=self.money_of, since=since)
        shared = ", ".join(self.peers.columns)
        return f"""
            SELECT
                * EXCLUDE ({shared}),
                {self.peers.fine} AS peer_group, {self.peers.coarse} AS peer_group_coarse,
                {shared}
            FROM ({self.table.format(since=since, spent=spent)})
        """

    def merged_sql(self, parts: str) -> str:
        """SELECT of one row an entity from `parts`, which may hold one for each of its places."""
        if not self.spread:
            return f"SELECT * FROM {parts}"
        most = "".join(
            f", arg_max({c}, total_fen) AS {c}" for c in ("peer_group", "peer_group_coarse", *self.peers.columns)
        )
        return f"""
            SELECT
                entity_id, any_value(psn_no) AS psn_no, arg_max(fixmedins_code, total_fen) AS fixmedins_code,
                entity_id AS {self.key}, arg_max(area, total_fen) AS area, arg_max(label, total_fen) AS label,
                min(begin_at) AS begin_at, max(end_at) AS end_at, false AS "open",
                sum(fund_fen)::BIGINT AS fund_fen, sum(total_fen)::BIGINT AS total_fen{most}
            FROM {parts}
            GROUP BY entity_id
        """

    @property
    def on_lists(self) -> str:
        """What it is called on lists and pages."""
        return self.list_label or self.label


#: Every grain by its name, stays first: the others are told of them.
GRAINS: dict[Grain, GrainSpec] = {}


def declare_grain(name: Grain, spec: GrainSpec) -> None:
    """Check a grain and add it. Raises DeclarationError naming file and line."""
    frame = sys._getframe(1)
    where = f"{frame.f_code.co_filename.rsplit('features/', 1)[-1]}:{frame.f_lineno}"
    if problems := list(_problems(name, spec)):
        raise DeclarationError(f"features/{where}: grain {name}: " + "; ".join(problems))
    GRAINS[name] = replace(spec, where=where)


def spec_of(name: str) -> GrainSpec:
    """The record of a grain by its name as somebody typed it. Raises UserError if there is none."""
    for grain, spec in GRAINS.items():
        if grain == name:
            return spec
    raise UserError(f"unknown grain {name!r}; choose one of {', '.join(GRAINS)}")


def _problems(name: Grain, spec: GrainSpec) -> Iterable[str]:
    if name not in get_args(Grain):
        yield "its name is not in Grain"
    if name in GRAINS:
        yield f"already declared in features/{GRAINS[name].where}"
    for needed in ("key", "label", "page_title", "window_days"):
        if not getattr(spec, needed):
            yield f"{needed} is missing"
    if not (spec.peers.columns and spec.peers.fine and spec.peers.coarse):
        yield "peers are missing: the columns they share, and the names of the fine and the coarse group"
    if spec.layouts and not (spec.active and spec.table):
        yield "active or table is missing: the SQL of who is ranked (features/entities.py)"
    for parent in spec.parents:
        if parent.grain not in get_args(Grain):
            yield f"unknown parent {parent.grain!r}"


declare_grain(
    "admission",
    GrainSpec(
        key="mdtrt_id",
        label="住院",
        page_title="住院疑点清单",
        window_days=90,
        layouts=("person", "institution"),
        active=entities.ACTIVE_STAYS,
        table=entities.STAYS,
        peers=PeerGroups(
            columns=("dx3", "level", "visit_class"),
            fine="""concat_ws('|', coalesce(dx3, CASE WHEN "open" THEN '在院' ELSE '无诊断' END),
                level, visit_class)""",
            coarse="""concat_ws('|', level, visit_class, CASE WHEN "open" THEN '在院' ELSE '' END)""",
        ),
        parents=(
            Parent("institution", "fixmedins_code", "inst"),
            Parent("person", "psn_no", "person", lends=("age_band", "chronic")),
            Parent("doctor", "dr_codg", "doctor", unnamed=True),
        ),
        yearly=True,
        at_counter=True,
        episode=True,
    ),
)
declare_grain(
    "person",
    GrainSpec(
        key="psn_no",
        label="参保人",
        page_title="参保人疑点清单",
        window_days=90,
        layouts=("person",),
        active=entities.ACTIVE_PERSONS,
        table=entities.PERSONS,
        money_of="psn_no",
        peers=PeerGroups(
            columns=("insutype", "age_band", "chronic"),
            fine="concat_ws('|', coalesce(insutype, '?'), age_band, CASE WHEN chronic THEN '慢特病' ELSE '' END)",
            coarse="coalesce(insutype, '?')",
        ),
        at_counter=True,
        personal=True,
    ),
)
declare_grain(
    "institution",
    GrainSpec(
        key="fixmedins_code",
        label="定点机构",
        page_title="定点机构疑点清单",
        window_days=180,
        layouts=("institution",),
        active=entities.ACTIVE_INSTITUTIONS,
        table=entities.INSTITUTIONS,
        money_of="fixmedins_code",
        peers=PeerGroups(
            columns=("medins_type", "fixmedins_type", "level", "inpatient"),
            fine="concat_ws('|', coalesce(medins_type, fixmedins_type, '?'), level)",
            coarse="concat_ws('|', coalesce(fixmedins_type, '?'), CASE WHEN inpatient THEN '住院' ELSE '' END)",
        ),
        told_yearly=True,
    ),
)
declare_grain(
    "doctor",
    GrainSpec(
        key="dr_codg",
        label="医保医师",
        page_title="医保医师疑点清单",
        window_days=180,
        layouts=("institution",),
        active=entities.ACTIVE_DOCTORS,
        table=entities.DOCTORS,
        peers=PeerGroups(
            columns=("dept", "level"),
            fine="concat_ws('|', coalesce(dept, '?'), level)",
            coarse="concat_ws('|', level)",
        ),
        parents=(Parent("institution", "fixmedins_code", "inst"),),
        spread=True,
        told_yearly=True,
        payment_points=True,
    ),
)
declare_grain(
    "ring",
    GrainSpec(
        key="ring_id",
        label="团伙",
        list_label="结伴群组",
        page_title="结伴就医群组清单",
        window_days=180,
        peers=PeerGroups(
            columns=("ward", "size_band"),
            fine="concat_ws('-', 'ring', CASE WHEN ward THEN 'ward' ELSE 'swipe' END, size_band)",
            coarse="concat_ws('-', 'ring', CASE WHEN ward THEN 'ward' ELSE 'swipe' END)",
        ),
        group=True,
        episode=True,
    ),
)
if set(GRAINS) != set(get_args(Grain)):
    raise DeclarationError(f"features/grains.py: not declared: {', '.join(sorted(set(get_args(Grain)) - set(GRAINS)))}")

SCHEMES: dict[str, str] = {
    "T01": "挂床住院",
    "T02": "虚假住院",
    "T03": "冒名就医",
    "T04": "分解住院",
    "T05": "低标准入院",
    "T06": "长期占床",
    "T07": "超床位/超次均费用",
    "T08": "个人账户套现",
    "T09": "空刷套刷",
    "T10": "代非定点结算",
    "T11": "销售非医保物品",
    "T12": "同药不同价",
    "T13": "超量重复开药",
    "T14": "药品倒卖",
    "T15": "倒卖团伙",
    "T16": "串换药品项目",
    "T17": "虚构服务",
    "T18": "第三方责任外伤",
    "T19": "重复分解收费",
    "T20": "超标准收费",
    "T21": "过度检查诊疗",
    "T22": "超限定范围用药",
    "T23": "高值耗材违规",
    "T24": "门诊慢特病滥用",
    "T25": "离休人员超常使用",
    "T26": "虚假享受优惠身份",
    "T27": "重复参保重复享受",
    "T28": "高套分组",
    "T29": "诱导住院",
    "T30": "频繁就医购药",
    "T31": "冲顶消费",
    "T32": "冲正退费异常",
}

#: Schemes about single charges: a finding of them says which lines of a bill are wrong, not that a stay was.
CHARGES = frozenset({"T16", "T19", "T20", "T21", "T22", "T23", "T28"})
#: What no finding is made of by itself: it only says where to look.
CLUES = frozenset({"T30", "T31"})
