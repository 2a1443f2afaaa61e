"""獬豸: the command, and the table of contents.

    simulate   a county with planted schemes and innocents        simulator
    intake     what the bureau sends → warehouse                  claims.intake.pipeline
    mapping    drafts the mapping file of a new source            claims.drafting.draft
    warehouse  many deliveries laid out like one                  claims.intake.layout
    quarantine rows set aside at intake: list, mend, take in      claims.intake.quarantine
    features   as-of views → feature partitions                   features.build
    fit        inspections known by then → models                 training.fit
    evaluate   the lists against what was found later             training.evaluation.evaluate
    rank       risk → a list with reasons and claim rows          serving.lists
    bedcheck   stays open at a moment, by chance of empty beds    serving.lists.bedcheck
    draw       units by chance, from a seed nobody chose alone    inspection.draw
    campaign   what an office looks at for a season               inspection.campaigns
    plan       the week's inspections: units, teams, days, roads  inspection.plan
    normal     what a hospital would have cost at its peers       inspection.normal
    charts     which charts to pull, and what they say of all     inspection.charts
    brief      what to take along to a unit, two pages           serving.papers.brief
    ladder     the published table, points and grades of units    inspection.ladder
    bedsheet   the bed check in walking order, best hours         inspection.bedsheet
    bedteams   tonight's hospitals among teams of two            inspection.evening_teams
    morning    the morning after: found against chance            inspection.bedsheet
    sent       leads sent down from above: match, sort, give back   inspection.sent
    selfcheck  a unit's own report against the scan of it         inspection.selfcheck
    lookback   visits due again, the practice before and after    inspection.lookback
    explain    everything behind one suspect                      serving.lists.explained
    check      one incoming claim against the rules               features.checking
    rules      the rule base: run it, show one rule               features.checking
    week       features → fit if due → all lists, published       serving.lists.publish
    serve      the pages and the API                              serving.service
    people     who may sign in, with which roles                  serving.desk.people
    desk       what was decided, as one more delivery             serving.desk.findings
    log        the chained log: export it, verify it              serving.desk.log
    demo       all of it, on a simulated county
    models     the gate: compare, promote, roll back, history       training.promotion

Summaries go to stdout (`--json`: one JSON object), progress to stderr. Exit code 0 only on success; 2 when the input is at fault.
"""

import os
import sys
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
os.environ.setdefault("DO_NOT_TRACK", "1")

import typer

from claims.errors import UserError
from claims.settings import settings
from commands import desk, inspection, intake, learning, lists, rules, sent

CommandLineError: Any = typer.BadParameter.__mro__[2]  # click's ClickException, wherever typer keeps it

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, help="獬豸 xiezhi: ranked, explained leads from medical-insurance claims. Leads, never verdicts."
)  # fmt: skip
for room in (intake, learning, lists, inspection, sent, rules, desk):
    app.add_typer(room.app)


def main() -> None:
    """Entry point of `xiezhi`: a user's mistake is one sentence and exit code 2, never a traceback."""
    shown = False
    os.umask(0o077)  # claims, features and lists are personal data: for the account that runs this alone
    try:
        shown = settings().traceback
        code = app(standalone_mode=False)
    except UserError as error:
        print(f"xiezhi: {error}", file=sys.stderr)
        sys.exit(2)
    except CommandLineError as error:
        print(f"xiezhi: {error.format_message()} See `xiezhi --help`.", file=sys.stderr)
        sys.exit(2)
    except (typer.Abort, KeyboardInterrupt):
        print("xiezhi: stopped", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        print(
            f"xiezhi: {error.strerror or error}{where}; check the path, the disk and the rights, then run it again",
            file=sys.stderr,
        )
        sys.exit(2)
    except Exception as error:  # a defect of ours: say so without spilling rows of claims into a terminal or a log
        if shown:
            raise
        print(
            f"xiezhi: internal error ({type(error).__name__}); nothing was published. Set XIEZHI_TRACEBACK=1 to see where, and report it.",
            file=sys.stderr,
        )
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
