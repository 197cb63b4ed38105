"""Stacks with the same change, told once: "the same change in 212 stacks, e.g. …".

Two stacks have the same change if their steps are equal in all that a plan holds (components, actions, risks, reasons,
summaries, values before and after, every property of what is made or goes), in the same layer, with the same number of
resources that stay, and apart from two things that every stack has of its own:

- names: `<spec>.<environment>.<target>[.<site>]` and `<spec>-<environment>[-<target>]` at the beginning of a name, with
  the eight digits of a hash at its end; the labels that say spec, environment, target, site and zone; the spec paths
  `targets.<target>` and `environments.<environment>`; the account, region, Kubernetes context and zone of its target.
- lines: where in which file the cause stands. The path and the values before and after are the same for all.

So what is told of the first is true of every member with the member's own names and lines in their places; where these
differ, `Group.own_names` and `Group.own_lines` say so, and whoever shows a group has to.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, replace
from enum import Enum
from hashlib import sha256
from typing import Any

from components.graph import Options
from stacks.edits import Create, Delete, NodeEdit, Replace
from stacks.review import Review
from stacks.risk.finding import Risk
from stacks.steps import Plan, RatedEdit, StackPlan, Step


@dataclass(frozen=True, slots=True)
class Member:
    """One stack of a group; `file` is the path of its spec as it was given, empty where one plan alone is grouped."""

    file: str
    stack: StackPlan


@dataclass(frozen=True, slots=True)
class Group:
    """Stacks that change in the same way, one at least, in the order of the plan. `first` is the one to tell.

    `own_names`: what is told of the first holds names, of which each other member has its own. `own_lines`: the causes
    stand on other lines at some member.
    """

    members: tuple[Member, ...]
    own_names: bool = False
    own_lines: bool = False

    @property
    def first(self) -> StackPlan:
        """The member that is told."""
        return self.members[0].stack

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all members."""
        return tuple(m.stack.name for m in self.members)

    @property
    def risk(self) -> Risk:
        """The largest risk of any step, the same for all."""
        return max((step.risk for step in self.first.steps), default=Risk.NONE)

    @property
    def fails(self) -> bool:
        """Whether an apply stops, at every member."""
        return any(step.fails for step in self.first.steps)


def groups(given: Plan | Review) -> tuple[Group, ...]:
    """Return the stacks that are affected, each in one group: what fails first, then the most dangerous, then in the
    order of the plan. Stacks that nothing happens to are in no group."""
    plans = [(s.file, s.plan) for s in given.specs] if isinstance(given, Review) else [("", given)]
    near: dict[Any, list[Member]] = defaultdict(list)
    for file, plan in plans:
        for stack in plan.stacks:
            if stack.steps or stack.status in ("new", "removed"):
                near[_outline(stack)].append(Member(file, stack))
    found = [group for members in near.values() for group in _grouped(members)]
    order = {(file, s.name): place for place, (file, s) in enumerate((f, s) for f, p in plans for s in p.stacks)}
    place = {id(g): order[g.members[0].file, g.first.name] for g in found}
    return tuple(sorted(found, key=lambda g: (not g.fails, -g.risk, place[id(g)])))


def _outline(stack: StackPlan) -> Any:
    """Return what is equal wherever the change is the same, and cheap to compare."""
    actions = tuple((step.action, step.risk, len(step.edits)) for step in stack.steps)
    return stack.layer, stack.status, stack.totals, stack.unchanged, actions


def _grouped(members: list[Member]) -> Iterator[Group]:
    if len(members) == 1:
        yield Group(tuple(members))
        return
    alike: dict[str, list[tuple[Member, Form]]] = defaultdict(list)
    planned_once: dict[tuple[str, str], tuple[StackPlan, Form]] = {}
    for member in members:
        stack = member.stack
        form = (
            _like(stack, *planned_once[member.file, stack.like]) if (member.file, stack.like) in planned_once else None
        )
        if form is None:
            form = Form(*stack.form) if stack.form else form_of(stack)
            if stack.like:
                planned_once[member.file, stack.like] = stack, form
        alike[form.change].append((member, form))
    for same in alike.values():
        _, first = same[0]
        yield Group(
            tuple(m for m, _ in same),
            own_names=any(form.names != first.names for _, form in same),
            own_lines=any(form.lines != first.lines for _, form in same),
        )


@dataclass(frozen=True, slots=True)
class Form:
    """Three digests of a stack's steps: without its own names and lines, which is equal for the same change; with its
    names; and of its lines."""

    change: str
    names: str
    lines: str


def marked(stacks: Iterable[StackPlan]) -> tuple[StackPlan, ...]:
    """Return the plans with what `groups` compares, so that whoever makes them in parts need not do it again."""
    return tuple(s if s.like or not s.steps else replace(s, form=astuple(form_of(s))) for s in stacks)


def in_short(stacks: Iterable[StackPlan]) -> Iterator[StackPlan]:
    """Yield the plans, marked and in their order, without what the resources are made of that come or go in stacks
    after the first of a group: what is told of a group is told of its first, and this is most of a plan.

    What is then equal to the first's is the same object, which is held once and crosses to another process once.
    """
    known: dict[Any, tuple[Step, ...]] = {}
    for stack in stacks:
        group = stack.form and (_outline(stack), stack.form[0])
        if not group or stack.status == "removed":  # why one is gone is found out later, and it is compared anew
            yield stack
            continue
        short = tuple(replace(step, edits=tuple(map(_named, step.edits))) for step in stack.steps)
        if group in known:
            yield replace(stack, steps=tuple(map(_sharing, short, known[group])))
        else:
            known[group] = short
            yield stack


def _sharing(step: Step, first: Step) -> Step:
    same = {n: getattr(first, n) for n in _SHARED if getattr(step, n) == getattr(first, n)}
    if "edits" not in same:
        same["edits"] = tuple(b if a == b else a for a, b in zip(step.edits, first.edits, strict=True))
    return replace(step, **same)


_SHARED = ("edits", "findings", "because", "summary", "component", "origin")


def _named(rated: RatedEdit) -> RatedEdit:
    edit = rated.edit
    if not isinstance(edit, Create | Delete):
        return rated
    return replace(rated, edit=replace(edit, node=replace(edit.node, inputs={}, provider="", needs=())))


def _like(stack: StackPlan, first: StackPlan, form: Form) -> Form | None:
    """Return the form of a site that was planned together with the first; None where that is not all there is to it."""
    pairs = list(zip(stack.steps, first.steps, strict=True)) if len(stack.steps) == len(first.steps) else []
    if len(pairs) != len(stack.steps) or any(_causes(a) != _causes(b) for a, b in pairs):
        return None
    names = form.names if all(a.edits == b.edits for a, b in pairs) else f"own of {stack.name}"
    lines = form.lines if all(a.because == b.because for a, b in pairs) else f"own of {stack.name}"
    return Form(form.change, names, lines)


def _causes(step: Step) -> list[Any]:
    return [(b.path, b.before, b.after, b.overlay, bool(b.where), bool(b.was)) for b in step.because]


def form_of(stack: StackPlan) -> Form:
    """Return the digests of a stack's steps."""
    lines: list[tuple[str, str]] = []
    written = json.dumps([_told(step, lines) for step in stack.steps], default=_plain, sort_keys=True)
    return Form(_digest(_without_names(written, stack)), _digest(written), _digest(repr(lines)))


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _told(step: Step, lines: list[tuple[str, str]]) -> list[Any]:
    """Return what a step says, without its stack's name and its lines, which are added to `lines`."""
    lines += [(b.where, b.was) for b in step.because]
    # whether a cause is there, or was, is part of the change; on which line is not
    because = [replace(b, where="here" if b.where else "", was="there" if b.was else "") for b in step.because]
    told = [step.component, step.origin, step.action, step.risk, step.findings, step.explanation, step.summary]
    return [*told, because, [_edit(r) for r in step.edits], step.outputs]


def _edit(rated: RatedEdit) -> list[Any]:
    return [rated.action, rated.risk, rated.findings, rated.unchanged, *_what(rated.edit)]


def _what(edit: NodeEdit) -> list[Any]:
    if isinstance(edit, Create | Delete):
        node = edit.node
        options = node.options if node.options != _PLAIN_OPTIONS else None
        return [node.id, node.type, node.inputs, node.component, node.origin, node.provider, node.needs, options]
    after = edit.after
    first = edit.delete_first if isinstance(edit, Replace) else False
    return [edit.before.id, after.id, after.type, after.origin, after.options.import_id, first, edit.changes]


_PLAIN_OPTIONS = Options()


def _plain(value: Any) -> Any:
    """Return what JSON has no form for as a list that begins with its type."""
    names = getattr(type(value), "__dataclass_fields__", None)
    if names is not None:
        return [type(value).__name__, *(getattr(value, name) for name in names)]
    if isinstance(value, Enum):
        return [type(value).__name__, value.name]
    if isinstance(value, frozenset | set):
        return sorted(value, key=repr)
    return [type(value).__name__, str(value)]


_LABELS = (
    ("app.kubernetes.io/part-of", "spec"),
    ("llmform.dev/spec", "spec"),
    ("llmform.dev/environment", "environment"),
    ("llmform.dev/target", "target"),
    ("llmform.dev/site", "site"),
    ("llmform.dev/zone", "zone"),
)
"""Labels whose value is one of the stack's own names (components/manifests.py, components/aws.py)."""

_MARK = "\x01"
"""Stands before what is put in the place of a name: JSON spells it out, so no text of a plan holds it."""

_HASH = re.compile(_MARK + r"([te][a-z0-9.-]*?)-[0-9a-f]{8}(?![a-z0-9-])")


def _without_names(text: str, stack: StackPlan) -> str:
    """Return the JSON text with a mark in the place of each of the stack's own names."""
    spec = stack.name.partition(".")[0]
    known = {"spec": spec, "environment": stack.environment, "target": stack.target, "site": stack.site}
    known.update(stack.names)
    for label, what in _LABELS:
        if value := known.get(what):
            text = text.replace(f'"{label}": "{value}"', f'"{label}": "{_MARK}{what}"')
    place = (spec, stack.environment, stack.target)
    names = (
        (".".join((*place, *((stack.site,) if stack.site else ()))), "n", _ENDS),
        ("-".join(place), "t", _ENDS),
        ("-".join(place[:2]), "e", _ENDS),
        (f"targets.{stack.target}.sites.{stack.site}" if stack.site else "", "p", _ENDS),
        (f"targets.{stack.target}", "p", _ENDS),
        (f"environments.{stack.environment}", "o", _ENDS),
        (known.get("account", ""), "a", _ENDS),
        (known.get("region", ""), "r", _ENDS_OR_ZONE),
    )
    for name, mark, ends in names:
        text = _put(text, name, _MARK + mark, ends)
    if _told_apart(known.get("kubeContext", "")):
        text = text.replace(f'"{known["kubeContext"]}"', f'"{_MARK}k"')
    return _HASH.sub(lambda m: _MARK + m[1], text)


_ENDS = r"(?![A-Za-z0-9])"
_ENDS_OR_ZONE = r"(?=[a-z]?(?![A-Za-z0-9-]))"
"""What follows a name; a zone is the region with a letter."""

_WITHIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-")
"""Characters after which a name does not begin: it is part of another one."""


def _put(text: str, name: str, mark: str, ends: str) -> str:
    """Return the text with the mark in the place of a name, where the name stands by itself."""
    if not name or name not in text:
        return text
    # a pattern that begins with letters is looked for quickly; one that looks back first is not
    return re.sub(
        re.escape(name) + ends, lambda m: m[0] if m.start() and text[m.start() - 1] in _WITHIN else mark, text
    )


def _told_apart(text: str) -> bool:
    """Say whether a text is a name and not a number that something else may be as well."""
    return any(c.isalpha() for c in text)
