"""獬豸 from Python: `xiezhi.open(warehouse)` and what it gives (docs/api.md). The command is xiezhi/command.py.

county = xiezhi.open("W")
county.table("settlements", "2025-09-28")       what was known by the end of that day
matrix = county.features("admission", "2025-09-28")
county.fit("2025-09-28")
county.rank("admission", "2025-09-28").rows
"""

from xiezhi.rooms import keep

keep()

from claims.errors import UserError
from xiezhi.county import County, open

__version__ = "0.1.0"
__all__ = ["County", "UserError", "__version__", "open"]
