"""This week's lists, an earlier run's, and the page of each row: who, what, how much, why, and what could clear them.

They read the published run only; nothing is computed on request. Personal numbers leave masked, in HTML and JSON alike.
A row's address names its run and its number on the sheet: it means the same suspect for ever, and no personal number stands in
a log or a browser's history.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from claims.errors import UserError
from inspection.campaigns import Campaign
