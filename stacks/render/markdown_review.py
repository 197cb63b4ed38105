"""A review as a comment: the verdict, what has to be mended, a table by risk, the cost; the rest folded.

A forge refuses a comment that is too long, so this one never is: what does not fit is folded away, then counted, and
never cut.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from specs.diagnostics import Diagnostic
from stacks.cost.values import joined
from stacks.policy_report import Judged, counted, kind_of
from stacks.render.cost import cost_line
from stacks.render.human_plan import count, human_plan
from stacks.render.markdown import code, escaped, fenced, place
from stacks.render.told import Told, by_risk, causes, reasons, sentences, told, verdict, where_words
from stacks.review import Broken, Reading, Review
from stacks.risk.finding import Risk

MOST = 65_000
"""Bytes of a comment in UTF-8, of which there are never fewer than UTF-16 units. GitHub takes 65,536 characters
(`body is too long (maximum is 65536 characters)`, 2026-11-21); the rest is for the caller's own mark."""

_LONG = 1_500
"""Bytes of a cell, a note or a message; a longer text is said to be long, since its reader has the page."""

_TABLE = "| Risk | Stack | Component | What happens | Because |\n|---|---|---|---|---|"


def render(review: Review, reading: Reading) -> str:
    """Return the comment, of `MOST` bytes at most."""
    found = told(review)
    rows = [(t, _row(t, reading.link_base)) for t in found]
    of_plans = [d for s in review.specs for d in s.diagnostics]
    refused = [_refused(b) for b in review.broken if b.refused]
    wrong = [d for b in review.broken for d in b.diagnostics] + [d for d in of_plans if d.is_error]
    errors = [_diagnostic(d, reading.link_base) for d in wrong]
    judged = [f for s in review.specs for f in s.policies.findings]
    mandatory = [_judged(f, reading.link_base) for f in judged if f.violates]
    warnings = [_diagnostic(d, reading.link_base) for d in of_plans if not d.is_error]
    advice = [_judged(f, reading.link_base) for f in judged if not f.violates]
    text = _Comment()
    for line in _head(review):
        text.add(line)
    text.listed(refused, "spec without a comparison", 0.15)
    text.listed(errors, "error", 0.3)
    text.listed(mandatory, "broken mandatory policy", 0.5)
    text.table(rows, 0.8)
    for line in _cost(review):
        text.add(line)
    text.listed(warnings, "warning", 0.9, folded=count(len(warnings), "warning"))
    kinds = ", ".join(f"{n:,} {_KINDS[k]}" for k, n in Counter(kind_of(f) for f in judged if not f.violates).items())
    text.listed(advice, "finding", 0.95, folded=f"Policies: {kinds}")
    text.folded("The whole plan", (_whole(review, details=d) for d in (True, False)))
    return str(text)


class _Comment:
    """The comment as far as it is written, and how many bytes of it are left."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.used = 0

    def add(self, text: str) -> None:
        self.parts.append(text)
        self.used += _bytes(text) + 1

    def __str__(self) -> str:
        return "\n".join(self.parts).rstrip("\n") + "\n"

    def listed(self, lines: Sequence[str], noun: str, share: float, *, folded: str = "") -> None:
        """Add a list as far as it stays within the share of the comment, and how many lines there are beside it."""
        if not lines:
            return
        if folded:
            self.add(f"<details><summary>{folded}</summary>\n")
        room = int(MOST * share) - self.used - 200
        shown = _fitting([f"- {line}" for line in lines], room)
        for line in shown:
            self.add(line)
        if left := len(lines) - len(shown):
            self.add(f"- {'… and ' if shown else ''}{count(left, noun).replace('policys', 'policies')} more")
        self.add("\n</details>\n" if folded else "")

    def table(self, rows: Sequence[tuple[Told, str]], share: float) -> None:
        """Add the table as far as it stays within the share, then a sentence for each risk of what is left."""
        if not rows:
            return
        self.add(_TABLE)
        shown = _fitting([row for _, row in rows], int(MOST * share) - self.used - 1_000)
        for row in shown:
            self.add(row)
        self.add("")
        for risk, (steps, stacks) in by_risk(t for t, _ in rows[len(shown) :]).items():
            self.add(f"- … and {count(steps, 'more change')} of risk {risk} in {count(stacks, 'stack')}")
        if len(shown) < len(rows):
            self.add("")

    def folded(self, title: str, texts: Iterator[str]) -> None:
        """Add the first of the texts that fits, folded; if none does, say where it is to be read."""
        for text in texts:
            block = f"<details><summary>{title}</summary>\n\n{fenced(text)}\n\n</details>"
            if self.used + _bytes(block) + 1 <= MOST:
                self.add(block)
                return
        self.add("The whole plan is too long for a comment: `llmform plan … --format html` makes a page of it.")


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "backslashreplace"))


def _fitting(lines: Sequence[str], room: int) -> Sequence[str]:
    """Return the first lines that fit into so many bytes together."""
    for number, line in enumerate(lines):
        room -= _bytes(line) + 1
        if room < 0:
            return lines[:number]
    return lines


def _short(text: str, made: Callable[[str], str] = escaped) -> str:
    """Return the text, or how long it is where that is longer than anybody reads in a comment."""
    shown = made(text)
    return shown if _bytes(shown) <= _LONG else f"(a text of {len(text):,} characters)"


_KINDS = {"mandatory": "mandatory", "advisory": "advisory", "unknown": "cannot be said before apply"}


def _head(review: Review) -> Iterator[str]:
    yield f"### {escaped(verdict(review))}\n"
    said = list(sentences(review))
    policies = [counted(s.policies) for s in review.specs if s.policies.findings]
    if len(policies) == 1:
        said.append(f"Policies: {policies[0]}.")
    elif policies:
        kinds = Counter(kind_of(f) for s in review.specs for f in s.policies.findings)
        said.append(f"Policies: {', '.join(f'{kinds[k]:,} {word}' for k, word in _KINDS.items() if kinds[k])}.")
    yield f"**{escaped(' '.join(said))}**\n"
    against = dict.fromkeys(s.plan.against.label for s in review.specs if s.plan.against.kind != "nothing")
    if len(against) == 1:
        yield f"Compared with {_short(next(iter(against)))}.\n"
    notes = list(dict.fromkeys(_note(s.file, note, review.many) for s in review.specs for note in s.plan.notes))
    for note in notes[:5]:
        yield f"- {_short(note)}"
    if len(notes) > 5:
        yield f"- … and {count(len(notes) - 5, 'more note')}"
    if notes:
        yield ""


def _note(file: str, note: str, many: bool) -> str:
    """Return a note, with the spec that it is about where there are several; of compilers it is about all."""
    return f"{file}: {note}" if many and not note.startswith("both sides compiled by") else note


def _row(told: Told, link_base: str) -> str:
    step = told.step
    risk = f"**{step.risk}**" if step.risk >= Risk.ROLLING else str(step.risk)
    if step.fails:
        risk += ", **will fail**"
    because = []
    for words, where in causes(told):
        because.append(_short(words) + (f" ({place(where, link_base)})" if where else ""))
    cells = (
        risk,
        where_words(told.stacks, code) + (", but for their names" if told.named else ""),
        f"{step.action.value} {code(step.component)}",
        "<br>".join(map(_short, reasons(told))),
        "<br>".join(because) or _short(step.explanation),
    )
    row = f"| {' | '.join(cells)} |"
    if _bytes(row) <= 3 * _LONG:
        return row
    counts = (count(len(reasons(told)), "reason"), count(len(because), "cause"))
    return f"| {' | '.join((*cells[:3], *counts))} |"


def _diagnostic(d: Diagnostic, link_base: str) -> str:
    return f"{_short(str(d.span), lambda w: place(w, link_base))}: {d.severity}[{d.code}]: {_short(d.message)}".replace(
        f"[{d.code}]", f"&#91;{d.code}&#93;"
    )


def _refused(broken: Broken) -> str:
    return f"{_short(broken.file, code)}: {_short(broken.refused)}"


def _judged(f: Judged, link_base: str) -> str:
    of = f", {_short(f.node, code)}"
    many = f", in {len(f.stacks):,} stacks" if len(f.stacks) > 1 else ""
    where = _short(f.where, lambda w: place(w, link_base))
    kind = "cannot say" if f.unknown else f.level
    if not f.node:  # the text itself is the end of the line
        return f"{where}: {kind}&#91;{f.policy}&#93;{many}: {_short(f.text)}"
    return f"{where}: {kind}&#91;{f.policy}&#93;: {_short(f.text)}{of}{many}"


def _cost(review: Review) -> Iterator[str]:
    costs = [s.cost for s in review.specs if s.cost is not None]
    if costs and not all(s.plan.same for s in review.specs):
        yield f"**Cost**: {escaped(cost_line(joined(costs)).removeprefix('Cost: '))}\n"


def _whole(review: Review, *, details: bool) -> str:
    texts = (
        human_plan(s.plan, s.diagnostics, s.texts, policies=s.policies, cost=s.cost, details=details)
        for s in review.specs
    )
    return "\n".join(texts).rstrip("\n")
