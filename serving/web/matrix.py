"""docs/access.md: who may go where, written from the table the gate reads (`python -m serving.web.matrix`)."""

from pathlib import Path

from serving.desk.roles import RIGHTS, ROLES
from serving.web.access import ANYBODY, OPEN_PATHS, OPEN_PREFIX, OWN, RULES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "access.md"
WORDS = {ANYBODY: "登录即可", OWN: "登录即可（令牌不可）"} | RIGHTS
HEAD = """# Who may go where

Written by `python -m serving.web.matrix` from `serving/web/access.py` and `serving/desk/roles.py`; `tests/serving/desk/test_access.py` walks every route as
every role and finds it open exactly where a dot stands. An address in no line is closed to everybody. Beyond the right, a row of another area is
not found (404), and a step of a case has conditions of its own (`serving/desk/states.py`).

"""


def page() -> str:
    """The page as Markdown."""
    opened = "、".join(f"`{p}`" for p in (*sorted(OPEN_PATHS), OPEN_PREFIX + "…"))
    lines = [HEAD + f"Without signing in: {opened}.", ""]
    lines.append("| 地址 | 方法 | 权限 | " + " | ".join(zh for zh, _ in ROLES.values()) + " |")
    lines.append("|" + "---|" * (len(ROLES) + 3))
    for rule in RULES:
        methods = " ".join(sorted(rule.methods - {"HEAD"}))
        dots = ["●" if rule.right in (ANYBODY, OWN) or rule.right in rights else "" for _, rights in ROLES.values()]
        address = rule.pattern.pattern.replace("|", "\\|")
        lines.append(f"| `{address}` | {methods} | {WORDS[rule.right]} | " + " | ".join(dots) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
