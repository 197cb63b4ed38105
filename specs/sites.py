"""`targets.X.sites`: the sites of an edge target, from the spec or from a CSV file beside it.

The file is CSV as RFC 4180 has it, in UTF-8, with a header: `name,kubeContext,zone` in any order. A byte order mark,
either line end, quotes and empty lines are understood. Every wrong row is one error, at its line.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from specs.diagnostics import Diagnostic, Label, Span
from specs.files import Files
from specs.finding import finding, span_of
from specs.load import Case
from specs.schema.base import LABEL_VALUE_PATTERN, NAME_PATTERN
from specs.schema.targets import EdgeTarget, OnPremTarget, SitesFile
from specs.suggest import did_you_mean
from specs.tree import Path

COLUMNS = ("name", "kubeContext", "zone")

MAX_BYTES = 1_000_000
"""As large as a spec may be (specs/source.py): room for some 20,000 sites."""

MAX_ERRORS = 100
"""Wrong rows that are told one by one; the rest is counted."""

_NAME, _ZONE = re.compile(NAME_PATTERN), re.compile(LABEL_VALUE_PATTERN)


class Site(NamedTuple):
    """One site and the place where it is written."""

    name: str
    kube_context: str
    zone: str
    span: Span


def read_sites(case: Case, files: Files, spec_file: str) -> tuple[tuple[Site, ...], tuple[Diagnostic, ...]]:
    """Return the sites of the case's target by name, none if it has no sites; and what is wrong with them."""
    target = case.spec.targets[case.target]
    if not isinstance(target, EdgeTarget):
        return (), ()
    path: Path = ("targets", case.target, "sites")
    if isinstance(target.sites, SitesFile):
        sites, found = _from_file(case, target.sites.file, files, spec_file)
    else:
        written = enumerate(target.sites)
        sites = [Site(s.name, s.kube_context, s.zone, span_of(case, (*path, n, "name"))) for n, s in written]
        found = []
    kept, twice = _once(sites)
    found = found or [*twice]
    return tuple(sorted(kept, key=lambda s: s.name)), tuple(found)


def _from_file(case: Case, name: str, files: Files, spec_file: str) -> tuple[list[Site], list[Diagnostic]]:
    path: Path = ("targets", case.target, "sites", "file")
    place = PurePosixPath(name)
    outside = place.is_absolute() or ".." in place.parts
    data = None if outside else files.read(name)
    if data is None:
        message = f"`{name}` is outside the spec's folder" if outside else f"there is no file `{name}` beside the spec"
        help = f"write a CSV file with the header `{','.join(COLUMNS)}` and one line a site"
        return [], [finding(case, "sites-missing", path, message, help=help)]
    shown = str(PurePosixPath(spec_file).parent / name)
    if len(data) > MAX_BYTES:
        message = f"`{name}` is larger than {MAX_BYTES:,} bytes"
        return [], [_bad(shown, 1, "", message, "split the sites over several targets, each with a file of its own")]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        message = f"`{name}` is not UTF-8: byte 0x{data[error.start]:02x} in line {line}"
        return [], [_bad(shown, line, "", message, "save it as UTF-8")]
    return _rows(text, shown, name)


def _bad(file: str, line: int, text: str, message: str, help: str) -> Diagnostic:
    return Diagnostic("bad-sites", message, Span(file, line, 1, line, max(2, len(text) + 1)), help=help)


def _rows(text: str, shown: str, name: str) -> tuple[list[Site], list[Diagnostic]]:
    lines = text.splitlines()
    reader = csv.reader(_ended(text), strict=True)
    header: list[str] | None = None
    sites: list[Site] = []
    found: list[Diagnostic] = []
    first = 1
    try:
        for cells in reader:
            line, first = first, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            source = lines[line - 1] if line <= len(lines) else ""
            cells = [cell.strip() for cell in cells]
            if header is None:
                header = cells
                problem = _wrong_header(cells, name)
                if problem:
                    return [], [_bad(shown, line, source, *problem)]
                continue
            span = Span(shown, line, 1, line, max(2, len(source) + 1))
            problem = _wrong_row(header, cells)
            if problem:
                found.append(Diagnostic("bad-site", problem[0], span, help=problem[1]))
                continue
            row = dict(zip(header, cells, strict=True))
            sites.append(Site(row["name"], row["kubeContext"], row["zone"], span))
    except csv.Error as error:
        line = max(first, 1)
        help = "a cell with a comma, a quote or a line break stands in quotes, and a quote in it is written twice"
        source = lines[line - 1] if line <= len(lines) else ""
        return [], [_bad(shown, line, source, f"`{name}` is no CSV from line {line} on: {error}", help)]
    if not sites and not found:
        help = f"the header is `{','.join(COLUMNS)}`; one line a site follows"
        return [], [_bad(shown, 1, "", f"`{name}` has no sites", help)]
    return sites, _at_most(found)


def _ended(text: str) -> Iterator[str]:
    """Yield the lines with their ends, as the csv module wants them (`\\r` alone ends a line too)."""
    yield from re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", text)


def _at_most(found: list[Diagnostic]) -> list[Diagnostic]:
    if len(found) <= MAX_ERRORS:
        return found
    more, last = len(found) - MAX_ERRORS, found[MAX_ERRORS].span
    text = f"{more:,} more row{'s are' if more > 1 else ' is'} wrong"
    return [*found[:MAX_ERRORS], Diagnostic("bad-site", text, last, help="correct the ones above first")]


def _wrong_header(cells: Sequence[str], name: str) -> tuple[str, str] | None:
    """Return message and help for a header that does not name the columns."""
    help = f"the first line is `{','.join(COLUMNS)}`, in any order"
    unknown = [cell for cell in cells if cell not in COLUMNS]
    missing = [column for column in COLUMNS if column not in cells]
    if missing:
        what = "columns" if len(missing) > 1 else "column"
        return f"`{name}` has no {what} {', '.join(f'`{m}`' for m in missing)}", help
    if unknown:
        return f"`{name}` has a column `{unknown[0][:100]}`, which means nothing", did_you_mean(
            unknown[0], COLUMNS, "columns"
        )
    if len(cells) > len(COLUMNS):
        return f"`{name}` has a column twice", help
    return None


def _wrong_row(header: Sequence[str], cells: Sequence[str]) -> tuple[str, str] | None:
    """Return message and help for a row that is no site."""
    if len(cells) != len(header):
        return (
            f"the row has {len(cells)} cell{'s' if len(cells) != 1 else ''}, and the header {len(header)}",
            f"write {', '.join(header)}; a cell with a comma stands in quotes",
        )
    row = dict(zip(header, cells, strict=True))
    if not _NAME.fullmatch(row["name"]):
        help = "lower-case letters, digits and dashes, a letter first, at most 40 characters"
        return f"`{row['name'][:100]}` is not a name of a site", help
    context = row["kubeContext"]
    if not context or len(context) > 253 or not context.isprintable():
        return (
            f"`{context[:100]}` is not a kubeconfig context" if context else "the row has no kubeContext",
            "`kubectl config get-contexts -o name` lists them",
        )
    if not row["zone"] or not _ZONE.fullmatch(row["zone"]):
        help = "letters, digits, `-`, `_` and `.`, at most 63: it becomes the value of a label"
        return (f"`{row['zone'][:100]}` is not a zone" if row["zone"] else "the row has no zone"), help
    return None


def _once(sites: Iterable[Site]) -> tuple[list[Site], list[Diagnostic]]:
    """Return the sites with each name and each cluster once, and the rows that repeat one."""
    names: dict[str, Site] = {}
    contexts: dict[str, Site] = {}
    found: list[Diagnostic] = []
    for site in sites:
        if (other := names.setdefault(site.name, site)) is not site:
            related = (Label(other.span, "the first one"),)
            message = f"site `{site.name}` is there twice"
            found.append(Diagnostic("duplicate-entry", message, site.span, help="name it once", related=related))
        elif (other := contexts.setdefault(site.kube_context, site)) is not site:
            message = f"`{site.name}` and `{other.name}` are one cluster, `{site.kube_context[:100]}`"
            related = (Label(other.span, "the other site"),)
            help = "both would make the same objects in it: remove one, or correct its context"
            found.append(Diagnostic("same-cluster", message, site.span, help=help, related=related))
    return list(names.values()), _at_most(found)


def clusters_twice(sites: Iterable[tuple[Case, Sequence[Site]]]) -> Iterator[Diagnostic]:
    """Yield sites that are one cluster with a site or a cluster of another target of their environment."""
    first: dict[tuple[str, str], tuple[str, str, Span]] = {}
    everywhere = list(sites)
    for case, _ in everywhere:
        target = case.spec.targets[case.target]
        if isinstance(target, OnPremTarget):
            place = span_of(case, ("targets", case.target, "kubeContext"))
            first.setdefault((case.environment, target.kube_context), (case.target, f"`{case.target}`", place))
    for case, here in everywhere:
        for site in here:
            own = (case.target, f"`{site.name}` of `{case.target}`", site.span)
            other, name, place = first.setdefault((case.environment, site.kube_context), own)
            if other != case.target:
                message = f"{own[1]} and {name} are one cluster"
                help = "both would make the same objects in it: leave it to one of the targets"
                related = (Label(place, "the other one"),)
                yield Diagnostic("same-cluster", message, site.span, help=help, related=related)
