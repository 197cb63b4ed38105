"""Two environments side by side as text: what the one lacks, what differs, and the lines that say so."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from stacks.causes import Because
from stacks.changes import ABSENT
from stacks.comparison import KINDS, Comparison, Kind, kind_of
from stacks.render.human_plan import because_words, count, own_of_members, places, resources, titled, what
from stacks.render.style import Style, safe, wrap
from stacks.render.values import value_text
from stacks.review import Reading
from stacks.same_names import Ignored
from stacks.sensitive import masked
from stacks.steps import StackPlan, Step

_INDENT = " " * 23
_COLOURS: dict[Kind, str] = {"lacks": "red", "differs": "yellow", "only": "green", "places": "dim"}


def render(comparison: Comparison, reading: Reading) -> str:
    """Return the comparison as text for a terminal or a file."""
    style = Style(reading.colour)
    lines = [*_header(comparison, style), *_causes(comparison)]
    lines += [*_differences(comparison, reading.details, style), *_ignored(comparison, reading.details)]
    return "\n".join([*lines, "", *_footer(comparison, reading.details, style)]) + "\n"


def heading(kind: Kind, comparison: Comparison) -> str:
    """Return the words over differences of a kind."""
    words: dict[Kind, str] = {
        "lacks": f"{safe(comparison.destination)} lacks",
        "differs": "differs",
        "only": f"only {safe(comparison.destination)} has",
        "places": "differs as the places do",
    }
    return words[kind]


def verdict(comparison: Comparison) -> str:
    """Return the whole comparison in one sentence."""
    one, other = safe(comparison.source), safe(comparison.destination)
    stacks = count(len(comparison.stacks), "stack")
    if not comparison.stacks:
        return f"Nothing to compare: {one} and {other} have no stack in common."
    if comparison.same:
        return f"No differences. {stacks} of {other} {'is' if len(comparison.stacks) == 1 else 'are'} as in {one}."
    words: dict[Kind, str] = {
        "lacks": f"missing in {other}",
        "differs": "different",
        "only": f"in {other} only",
        "places": "different as the places are",
    }
    first, *rest = [(number, words[kind]) for kind, number in comparison.counts.items() if number]
    parts = [f"{count(first[0], 'component')} {first[1]}", *(f"{number:,} {word}" for number, word in rest)]
    return f"Difference: {', '.join(parts)}."


def notes(comparison: Comparison) -> Iterator[str]:
    """Yield what was paired by other than its name, and what only one environment has."""
    for pair in comparison.targets.pairs:
        if not pair.named:
            yield (
                f"target {safe(pair.source)} of {safe(comparison.source)} is compared with {safe(pair.destination)} of "
                f"{safe(comparison.destination)}: each is its environment's only target of that provider"
            )
    sides = (
        (comparison.source, comparison.targets.only_source),
        (comparison.destination, comparison.targets.only_destination),
    )
    for environment, only in sides:
        for target in only:
            yield f"target {safe(target)} is in {safe(environment)} only: listed, not compared"
        sites = [f"{safe(target)}.{safe(site)}" for e, target, site in comparison.sites if e == environment]
        if sites:
            yield f"{count(len(sites), 'site')} in {safe(environment)} only, not compared: {', '.join(sites)}"


_ALIKE = 3
"""Ignored values of one key that are told; of more, the first one."""


def ignored_words(comparison: Comparison, details: bool = False) -> Iterator[str]:
    """Yield what was left out because it has to differ; of many of one key the first, unless with `details`."""
    names = [f"{comparison.spec}-{e}" for e in (comparison.source, comparison.destination)]
    yield (
        f"names, namespaces, labels and tags of the environment, references to its stacks, and hashes made of these: "
        f"{safe(comparison.source)} was compiled under the names of {safe(comparison.destination)} "
        f"({safe(names[0])}… as {safe(names[1])}…)"
    )
    alike: dict[str, list[Ignored]] = defaultdict(list)
    for one in comparison.ignored:
        alike[re.sub(r"^targets\.[^.]+|(?<=sites\.)[^.]+", "", one.path)].append(one)
    for found in alike.values():
        shown = found if details or len(found) <= _ALIKE else found[:1]
        for one in shown:
            more = f", and so of {len(found) - 1:,} more places" if shown is not found else ""
            yield ignored_text(one, comparison) + more


def ignored_text(one: Ignored, comparison: Comparison) -> str:
    """Return one thing that has to differ, with the values and lines of both sides."""
    name = (one.path.rpartition(".")[2],)
    before, after = (value_text(masked("", name, value)) for value in (one.before, one.after))
    sides = _sides((comparison.source, one.was, ""), (comparison.destination, one.where, ""))
    return f"`{safe(one.path)}` {before}, {after}" + (f" ({'; '.join(sides)})" if sides else "")


def cause_words(b: Because) -> str:
    """Return a value that differs, in short; of something that is there or not, its path."""
    return f"`{safe(b.path)}`" if b.before is ABSENT and b.after is ABSENT else because_words(b)


def cause_lines(b: Because, comparison: Comparison) -> tuple[str, ...]:
    """Return where each side says it, and in which overlay."""
    return _sides(
        (comparison.source, b.was or _unwritten(b, b.was_reason), b.was_overlay),
        (comparison.destination, b.where or _unwritten(b, b.reason), b.overlay),
    )


def _unwritten(b: Because, reason: str) -> str:
    """Return what is said of a side that no line of the spec speaks of."""
    if b.before is ABSENT and b.after is ABSENT:
        return ""
    return f"not written ({reason})" if reason else "not written"


def _sides(*sides: tuple[str, str, str]) -> tuple[str, ...]:
    return tuple(
        f"{safe(environment)}: {safe(place)}" + (f" (the overlay of {safe(overlay)})" if overlay else "")
        for environment, place, overlay in sides
        if place
    )


def _header(comparison: Comparison, style: Style) -> Iterator[str]:
    differ = sum(s.status != "unchanged" for s in comparison.stacks)
    parts = [
        f"{safe(comparison.source)} beside {safe(comparison.destination)}",
        count(len(comparison.targets.pairs), "target"),
        count(len(comparison.stacks), "stack"),
        f"edition {safe(comparison.edition)}",
    ]
    states = f"; {count(differ, 'stack')} differ{'s' if differ == 1 else ''}, {len(comparison.stacks) - differ:,} equal"
    first, *rest = wrap(f"{safe(comparison.spec)}: {', '.join(parts)}{states}", "", "  ")
    yield style.paint(first, "bold")
    yield from rest
    for note in notes(comparison):
        yield from wrap(note, "  ", "    ")


def _causes(comparison: Comparison) -> Iterator[str]:
    """Yield what the spec says differently, each once: it is the cause in many components."""
    if not comparison.causes:
        return
    yield ""
    yield "What the spec says"
    for b in comparison.causes:
        yield from wrap(cause_words(b), "  ", "    ")
        for line in cause_lines(b, comparison):
            yield from wrap(line, "    ", "      ")


def _differences(comparison: Comparison, details: bool, style: Style) -> Iterator[str]:
    """Yield the differences by kind, equal ones once with all their places."""
    blocks: dict[tuple[Kind, str, tuple[str, ...]], list[StackPlan]] = defaultdict(list)
    order = {s.name: place for place, s in enumerate(comparison.stacks)}
    found = [(step, g) for g in comparison.groups for step in g.first.steps]
    found.sort(key=lambda f: (order[f[0].stack], bool(f[0].outputs), f[0].component))
    for step, group in found:
        body = (*step_lines(step, details, style), *own_of_members(group, step))
        blocks[kind_of(step), group.first.layer, body] += [m.stack for m in group.members]
    sections: dict[tuple[Kind, str], list[tuple[str, ...]]] = defaultdict(list)
    for (kind, layer, body), stacks in blocks.items():
        stacks.sort(key=lambda s: order[s.name])
        sections[kind, places(comparison.plan, stacks, layer, "the same")].append(body)
    for kind, place in sorted(sections, key=lambda section: KINDS.index(section[0])):
        words = heading(kind, comparison)
        yield ""
        first, *rest = wrap(f"{words}: {place}", "", "  ")
        yield first.replace(words, style.paint(words, _COLOURS[kind], "bold"), 1)
        yield from rest
        for body in sections[kind, place]:
            yield from body


def difference_texts(step: Step) -> list[str]:
    """Return what differs, in the domain's words."""
    own = [cause_words(b) for b in step.because if b.written]
    derived = [because_words(b) + (f" ({safe(b.reason)})" if b.reason else "") for b in step.because if not b.written]
    if step.outputs:
        return [f"output {safe(o.name)} {value_text(o.before)} → {value_text(o.after)}" for o in step.outputs]
    if kind_of(step) in ("lacks", "only"):
        return [safe(line) for line in step.summary] or [what(step)]
    return [", ".join(own), *derived] if own or derived else [safe(step.explanation)]


def step_lines(step: Step, details: bool, style: Style) -> Iterator[str]:
    """Yield one difference: the domain's words, the lines of both sides, the resources."""
    texts = difference_texts(step)
    whole = kind_of(step) in ("lacks", "only")
    if whole and not step.outputs and (own := [cause_words(b) for b in step.because if b.written]):
        texts.append(f"because of {', '.join(own)}")
    yield from titled(step, [text for text in texts if text], style)
    if whole and not details:
        if step.edits:
            yield from wrap(f"({count(len(step.edits), 'resource')})", _INDENT, _INDENT)
        return
    yield from resources([replace(r, unchanged=0) for r in step.edits], details, style)


def _ignored(comparison: Comparison, details: bool) -> Iterator[str]:
    if not comparison.stacks:
        return
    yield ""
    yield "Ignored, because it has to differ"
    for text in ignored_words(comparison, details):
        yield from wrap(text, "  ", "    ")


def _footer(comparison: Comparison, details: bool, style: Style) -> Iterator[str]:
    yield from (style.paint(line, "bold") for line in wrap(verdict(comparison), "", "  "))
    if comparison.stacks and not comparison.same:
        listing = "" if details else "`--details` lists every resource; "
        yield from wrap(f"Next: {listing}`llmform explain SPEC PATH` says why a value is what it is.", "", "  ")
