"""`llmform prices`: price sheets for `targets.X.prices`, from AWS's price list and from one's own sheets."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stacks.cli.output import add_output, check_outputs, write_out
from stacks.cli.session import BrokenInput, UsageError

if TYPE_CHECKING:
    from specs.price_sheet import Sheet
    from stacks.cost.aws_offer import Imported

EPILOG = """\
FILE is the price list of EC2 for a region, in CSV or JSON, or a price sheet of one's own. Of several files a later one
counts before an earlier one: list prices first, then what was agreed. Each price keeps its day
and its source. Nothing is fetched; AWS's file for a region is
  https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/AmazonEC2/current/REGION/index.csv

examples:
  llmform prices import index.csv -o prices/eu-central-1.yaml
  llmform prices import index.csv agreement.yaml -o prices/eu-central-1.yaml
"""


BEGIN = 200_000
"""Characters of a file that say what it is."""


def add(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "prices",
        help="write a price sheet from AWS's price list or one's own prices",
        description="Write and check price sheets, which `targets.X.prices` names.",
        allow_abbrev=False,
    )
    inner = parser.add_subparsers(title="commands", metavar="COMMAND", dest="prices_command", required=True)
    read = inner.add_parser(
        "import",
        help="read AWS's price list, or price sheets, into one sheet",
        description="Read AWS's price list of EC2 and price sheets of one's own into one price sheet.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    read.add_argument("files", metavar="FILE", nargs="+", help="a price list of AWS, or a price sheet")
    read.add_argument("--region", default="", metavar="REGION", help="the region to keep, where a file has several")
    add_output(read)
    read.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the sheet, whole or not at all."""
    from specs.price_sheet import sheet_text

    check_outputs((arguments.output,))
    _check_lists(arguments.files, arguments.output)
    sheet: Sheet | None = None
    for name in arguments.files:
        sheet = _merged(sheet, _read(name, arguments.region), name)
    assert sheet is not None
    write_out(arguments.output, sheet_text(sheet, "Written by `llmform prices import`."))
    return 0


def _check_lists(names: Sequence[str], output: str) -> None:
    """Raise UsageError if the output would take the place of a price list of AWS: a sheet may be written anew."""
    if output == "-":
        return
    place = Path(output).resolve()
    for name in names:
        if Path(name).resolve() == place and place.is_file() and _is_offer(_begin(name)):
            message = f"`{output}` is the price list that is read, and would be lost"
            raise UsageError(message, "name another file to write, such as `-o prices/REGION.yaml`")


def _begin(name: str) -> str:
    """Return how a file begins; empty if it cannot be read, which is said where it is."""
    try:
        with open(name, encoding="utf-8-sig", errors="replace", newline="") as file:
            return file.read(BEGIN)
    except OSError:
        return ""


def _read(name: str, region: str) -> Sheet:
    """Return the sheet that a file is, or that a price list of AWS gives; how much of a list is left out is said."""
    from specs.catalog.reader import NEWEST, load_edition
    from stacks.cost.aws_offer import read_offer
    from stacks.cost.aws_offer_rows import NoOffer

    try:
        with open(name, encoding="utf-8-sig", errors="replace", newline="") as file:
            begin = file.read(BEGIN)
            if not _is_offer(begin):
                return _own(name, (begin + file.read()).encode(), region)
            file.seek(0)
            known = load_edition(NEWEST).instances
            imported = read_offer(file, name, known, region)
    except NoOffer as error:
        raise BrokenInput(f"`{name}` is no price list that can be read: {error}", error.advice) from None
    except FileNotFoundError:
        raise UsageError(f"there is no file `{name}`", "name AWS's price list of EC2, or a price sheet") from None
    except OSError as error:
        raise UsageError(f"`{name}` cannot be read: {error.strerror or error}") from None
    sys.stderr.write(f"{name}: {_taken(imported)}\n")
    return imported.sheet


def _taken(imported: Imported) -> str:
    """Say how much of a list is in its sheet, and how much is not, by reason, most first."""
    from stacks.render.human_plan import count

    kept, left_out = len(imported.sheet.instances), imported.left_out
    most = sorted(left_out.items(), key=lambda r: (-r[1], r[0]))
    why = ": " + ", ".join(f"{number:,} {reason}" for reason, number in most) if most else ""
    left = count(sum(left_out.values()), "price")
    return f"{count(kept, 'instance type')} of {imported.sheet.region}; {left} left out{why}"


def _is_offer(begin: str) -> bool:
    """Say whether a text begins as AWS's price lists do, rather than as a price sheet."""
    start = begin.lstrip()
    return (
        start.startswith('"FormatVersion"')
        or start.startswith("FormatVersion,")
        or (start.startswith("{") and '"asOf"' not in begin)
    )


def _own(name: str, data: bytes, region: str) -> Sheet:
    from specs.price_sheet_file import doubts_of, sheet_of
    from stacks.render import diagnostics

    sheet, found = sheet_of(data, name)
    told = found if sheet is None else (*found, *doubts_of(data, name))
    if told:
        sys.stderr.write(diagnostics.human(told, {name: data.decode("utf-8", "replace")}) + "\n")
    if sheet is None:
        raise BrokenInput(f"`{name}` is no price sheet", "`llmform explain bad-value` and the places above say why")
    if region and sheet.region not in ("", region):
        advice = "leave `--region` out, or the sheet"
        raise BrokenInput(f"`{name}` has prices of {sheet.region}, and `--region` says {region}", advice)
    return sheet


def _merged(first: Sheet | None, then: Sheet, name: str) -> Sheet:
    """Return both sheets in one: what the second says counts before the first."""
    from specs.price_sheet import merged

    if first is None:
        return then
    if first.region and then.region and first.region != then.region:
        advice = "write a sheet for each region"
        raise BrokenInput(f"`{name}` has prices of {then.region}, and those before it are of {first.region}", advice)
    return merged(first, then)
