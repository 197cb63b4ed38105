"""libyaml's events to a tree: an iterative composer that knows where everything stands.

Nothing here recurses, and nothing is expanded: an alias is the same tree again, and its size and height are
added up instead, so that what a later stage walks through is bounded before it exists. The file is longer
than others because one state, what has been read so far, takes part in all of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from specs import syntax
from specs.diagnostics import Diagnostic, Label, Span, arrange
from specs.scalars import Trap, resolve, shown
from specs.suggest import did_you_mean
from specs.text import SPACE, Text
from specs.tree import Member, Tree, dotted

MOST_LEVELS = 64
"""Maps and lists inside each other; the examples have 10."""

MOST_VALUES = 50_000
"""Keys and values, an alias counted as all that it stands for; as dense as the examples, 1 MB has 50,000."""

MOST_FOUND = 50
"""After so many errors reading stops."""

# libyaml in C; PyYAML's own parser reads the same language where the extension is missing, but slowly.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_AFTER_END = re.compile(r"(?:[ \t\r\n]++|#[^\r\n]*+|(?<![^\r\n])\.\.\.(?=[ \t\r\n]|\Z))*")


@dataclass(frozen=True, slots=True)
class _Node:
    """A finished value: how many keys and values and levels it has; `lost` stands for a wrong one."""

    tree: Tree
    size: int = 1
    height: int = 0
    lost: bool = False


@dataclass(slots=True)
class _Open:
    """A map or list whose end has not been read; a `key` waits for its value.

    `key_kind` is name, merge, or lost for a key that was wrong.
    """

    offset: int
    start: tuple[int, int]
    is_map: bool
    is_flow: bool
    anchor: str | None
    items: list[Tree] = field(default_factory=list)
    members: dict[str, Member] = field(default_factory=dict)
    merged: list[Tree] = field(default_factory=list)
    merge_key: Span | None = None
    key: Span | None = None
    key_name: str = ""
    key_kind: str = "name"
    size: int = 1
    height: int = 1


def compose(source: Text) -> tuple[Tree | None, tuple[Diagnostic, ...]]:
    """Return the tree of a text without forbidden characters, or None and what is wrong with it."""
    reading = _Reading(source)
    loader = LOADER(source.parsed)
    try:
        while not reading.done:
            event = loader.get_event()
            if event is None:
                break
            reading.take(event)
    except yaml.YAMLError as error:
        reading.found.append(syntax.refused(error, source, reading.bracket()))
    finally:
        loader.dispose()
    if not reading.found and reading.root is None:
        reading.found.append(_empty(Span(source.file, 1, 1, 1, 1)))
    found = arrange(reading.found)
    return (None, found) if found else (reading.root, ())


class _Reading:
    """What has been read so far."""

    def __init__(self, source: Text) -> None:
        self.source = source
        self.file = source.file
        self.found: list[Diagnostic] = []
        self.root: Tree | None = None
        self.done = False
        self.stack: list[_Open] = []
        self.anchors: dict[str, _Node | None] = {}  # None while the anchor's own value is being read
        self.anchor_spans: dict[str, Span] = {}
        self.total = 0
        self.last_end = (1, 1)

    def bracket(self) -> int | None:
        """Return the offset of the innermost open bracket."""
        return next((frame.offset for frame in reversed(self.stack) if frame.is_flow), None)

    # ---- events ----

    def take(self, event: Any) -> None:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._scalar(event)
        elif kind is yaml.AliasEvent:
            self._alias(event)
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            self._open(event, kind is yaml.MappingStartEvent)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            self._close(event)
        elif kind is yaml.DocumentEndEvent:
            self._end(event)

    def _scalar(self, event: Any) -> None:
        plain = not event.style  # libyaml says '', the pure parser None
        span = self.source.scalar_span(event, self._value_offset(event))
        self.last_end = (span.end_line, span.end_column)
        text: str = event.value
        if self.source.pairs:
            start, end = event.start_mark.index, event.end_mark.index
            text = self.source.restored(text, start, end, escapes=event.style == '"')
        frame = self.stack[-1] if self.stack else None
        if frame and frame.is_map and frame.key is None:
            self._key(frame, text, plain, span, event.anchor)
            return
        value = resolve(text) if plain else text
        if frame is None:
            self._not_a_map(value is None, span, "text" if isinstance(value, str) else "a single value")
            return
        node = _Node(Tree(value, span)) if not isinstance(value, Trap) else self._trap(value, span)
        self._count(1, span)
        self._anchored(event.anchor, node)
        self._value(node, span)

    def _key(self, frame: _Open, text: str, plain: bool, span: Span, anchor: str | None) -> None:
        self._count(1, span)
        frame.size += 1
        if plain and text == "<<":
            self._merge_key(frame, span)
            return
        value = resolve(text) if plain else text
        if isinstance(value, Trap):
            help = f'quote the key: `"{shown(text)}"`'
            self._report(value.code, value.message, span, label=value.label, help=help)
            self._await(frame, span, "", "lost")
        elif not isinstance(value, str):
            kind = {bool: "a boolean", type(None): "null"}.get(type(value), "a number")
            self._key_not_a_string(
                frame, span, f"the key `{shown(text)}` is {kind}", f'quote the key: `"{shown(text)}"`'
            )
        else:
            self._anchored(anchor, _Node(Tree(value, span)))
            self._name(frame, value, span)

    def _name(self, frame: _Open, name: str, span: Span) -> None:
        first = frame.members.get(name)
        if first is None:
            self._await(frame, span, name, "name")
            return
        self._await(frame, span, name, "lost")
        self._duplicate(span, name, first.key)

    def _merge_key(self, frame: _Open, span: Span) -> None:
        if frame.merge_key is not None:
            self._duplicate(span, "<<", frame.merge_key, "merge several maps with one list: `<<: [*a, *b]`")
        frame.merge_key = frame.merge_key or span
        self._await(frame, span, "<<", "merge")

    def _await(self, frame: _Open, span: Span, name: str, kind: str) -> None:
        frame.key, frame.key_name, frame.key_kind = span, name, kind

    def _alias(self, event: Any) -> None:
        name: str = event.anchor
        start, end = event.start_mark, event.end_mark
        span = Span(self.file, start.line + 1, start.column + 1, end.line + 1, end.column + 1)
        self.last_end = (span.end_line, span.end_column)
        node = self._aliased(name, span)
        if not self.stack:  # the spec as a whole: no anchor can stand before it
            self.done = True
            return
        frame = self.stack[-1]
        if frame.is_map and frame.key is None:
            frame.size += 1
            if node.lost:
                self._await(frame, span, "", "lost")
            elif isinstance(node.tree.value, str):
                self._name(frame, node.tree.value, span)
            else:
                help = "a key is text; write it out"
                self._key_not_a_string(frame, span, f"the key `*{shown(name)}` is not text", help)
            return
        self._value(node, span)

    def _aliased(self, name: str, span: Span) -> _Node:
        lost = _Node(Tree(None, span), lost=True)
        if name not in self.anchors:
            near = [known for known, _ in zip(self.anchors, range(1000), strict=False)]
            help = did_you_mean(name, near, "anchors above this line")
            self._report("unknown-alias", f"no anchor `&{shown(name)}` above its alias", span, help=help)
            return lost
        node = self.anchors[name]
        related = (Label(self.anchor_spans[name], "the anchor is here"),)
        if node is None:
            message = f"the alias `*{shown(name)}` stands inside its own anchor"
            help = "write the inner value out; a value cannot contain itself"
            self._report("alias-loop", message, span, label="would never end", help=help, related=related)
            return lost
        if len(self.stack) + node.height > MOST_LEVELS:
            self._too_deep(span, related)
        self._count(node.size, span, related)
        return node

    def _open(self, event: Any, is_map: bool) -> None:
        mark = event.start_mark
        offset, start = mark.index, (mark.line + 1, mark.column + 1)
        if event.anchor is not None or event.tag is not None:
            offset = self._value_offset(event)
            start = self.source.inside(event, offset)
        here = Span(self.file, *start, start[0], start[1] + 1)
        self.last_end = (start[0], start[1] + 1)
        frame = self.stack[-1] if self.stack else None
        if frame is None and not is_map:
            self._not_a_map(False, here, "a list")
            return
        if len(self.stack) == MOST_LEVELS:
            self._too_deep(here, ())
            return
        if frame and frame.is_map and frame.key is None:
            kind = "map" if is_map else "list"
            help = "a key is text; put text that begins with `{` or `[` in quotes"
            self._key_not_a_string(frame, here, f"the key is a {kind}", help)
            frame.key = None  # it waits for its value only when the key has ended
        self._count(1, here)
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        self.stack.append(_Open(offset, start, is_map, bool(event.flow_style), event.anchor))

    def _close(self, event: Any) -> None:
        frame = self.stack.pop()
        if frame.is_flow:
            self.last_end = (event.end_mark.line + 1, event.end_mark.column + 1)
        span = Span(self.file, *frame.start, *self.last_end)
        members = frame.members
        if frame.merged:
            brought: dict[str, Member] = {}
            for tree in frame.merged:
                for name, member in tree.members.items():
                    if name not in members:
                        brought.setdefault(name, member)
            members = brought | members
        tree = Tree(members if frame.is_map else tuple(frame.items), span)
        node = _Node(tree, frame.size, frame.height)
        if frame.anchor is not None:
            self.anchors[frame.anchor] = node
        if not self.stack:
            self.root = tree
            return
        parent = self.stack[-1]
        if parent.is_map and parent.key is None:  # a map or list in the place of a key, reported when it began
            self._await(parent, span, "", "lost")
            parent.size += frame.size
            return
        self._value(node, span)

    def _end(self, event: Any) -> None:
        """Look at what follows the document, without libyaml: a flood of directives would be slow."""
        self.done = True
        if self.found:
            return
        text = self.source.text
        after = _AFTER_END.match(text, event.end_mark.index)
        at = after.end() if after else len(text)
        if at == len(text):
            return
        ended = bool(event.explicit) or "..." in text[event.end_mark.index : at]
        if not ended and text[at] == "%":
            self._report_as(syntax.directive(at, self.source))
            return
        if not ended and not text.startswith("---", at):
            label = Label(self.source.word(_first(text)), "the spec begins here")
            self._report(
                "syntax-error",
                "text after the end of the spec",
                self.source.word(at),
                label="not expected here",
                help="keys of one map and entries of one list begin in the same column",
                related=(label,),
            )
            return
        self._report(
            "several-documents",
            "the file has more than one YAML document",
            self.source.word(at),
            label="the second document begins here",
            help="keep one spec in one file; environments and targets are keys of it",
        )

    # ---- values ----

    def _value(self, node: _Node, where: Span) -> None:
        frame = self.stack[-1]
        frame.size += node.size
        frame.height = max(frame.height, node.height + 1)
        if not frame.is_map:
            frame.items.append(node.tree)
            return
        if frame.key_kind == "merge":
            self._merge(frame, node, where)
        elif frame.key_kind == "name" and frame.key is not None:
            frame.members[frame.key_name] = Member(frame.key, node.tree)
        frame.key = None

    def _merge(self, frame: _Open, node: _Node, where: Span) -> None:
        value = node.tree.value
        sources = value if isinstance(value, tuple) else (node.tree,)
        wrong = [tree for tree in sources if not isinstance(tree.value, dict)]
        if node.lost or any(error.span == tree.span for tree in wrong for error in self.found):
            return
        if wrong or not sources:
            what = "an entry of the list is not a map" if isinstance(value, tuple) and sources else "this is not a map"
            help = "merge an anchored map, `<<: *a`, or a list of them, `<<: [*a, *b]`"
            self._report("merge-not-a-map", "`<<` merges maps only", where, label=what, help=help)
            return
        frame.merged.extend(sources)

    def _anchored(self, anchor: str | None, node: _Node) -> None:
        if anchor is not None:
            self.anchors[anchor] = node

    # ---- places ----

    def _value_offset(self, event: Any) -> int:
        """Return where the value itself begins, after its anchor and tag; both are noted on the way."""
        if event.anchor is None and event.tag is None:
            return int(event.start_mark.index)
        found = self.source.properties(event)
        if found.anchor is not None:
            self._anchor(event.anchor, found.anchor)
        if found.tag is not None:
            self._report_as(syntax.tag(found.tag, self.source))
        return found.value

    def _anchor(self, name: str, span: Span) -> None:
        first = self.anchor_spans.setdefault(name, span)
        if first != span:
            related = (Label(first, "the first is here"),)
            help = "give each anchor a name of its own"
            message = f"two anchors are named `&{shown(name)}`"
            self._report("duplicate-anchor", message, span, help=help, related=related)

    def _path(self) -> str:
        parts: list[str | int] = []
        for frame in self.stack:
            if not frame.is_map:
                parts.append(len(frame.items))
            elif frame.key is not None and frame.key_name:
                parts.append(shown(frame.key_name))
        return dotted(tuple(parts))

    # ---- errors ----

    def _report(
        self,
        code: str,
        message: str,
        span: Span,
        label: str = "",
        help: str = "",
        related: tuple[Label, ...] = (),
    ) -> None:
        self._report_as(Diagnostic(code, message, span, self._path(), label, help, related=related))

    def _report_as(self, diagnostic: Diagnostic) -> None:
        self.found.append(diagnostic)
        self.done = self.done or len(self.found) >= MOST_FOUND

    def _trap(self, trap: Trap, span: Span) -> _Node:
        self._report(trap.code, trap.message, span, label=trap.label, help=trap.help)
        return _Node(Tree(None, span), lost=True)

    def _key_not_a_string(self, frame: _Open, span: Span, message: str, help: str) -> None:
        self._report("key-not-a-string", message, span, label="a key is text", help=help)
        self._await(frame, span, "", "lost")

    def _duplicate(self, span: Span, name: str, first: Span, help: str = "keep one of them") -> None:
        related = (Label(first, "the first is here"),)
        message = f"the key `{shown(name)}` is there twice"
        self._report("duplicate-key", message, span, label="the second", help=help, related=related)

    def _count(self, size: int, span: Span, related: tuple[Label, ...] = ()) -> None:
        self.total += size
        if self.total <= MOST_VALUES or self.done:
            return
        self.done = True
        if related:
            message = f"the aliases make more than {MOST_VALUES:,} keys and values"
            help = "use fewer aliases of aliases"
            self._report("alias-explosion", message, span, label="too many with this alias", help=help, related=related)
        else:
            message = f"the spec has more than {MOST_VALUES:,} keys and values"
            help = "split the spec by platform"
            self._report("too-many-values", message, span, label="too many from here on", help=help)

    def _too_deep(self, span: Span, related: tuple[Label, ...]) -> None:
        self.done = True
        message = f"maps and lists are nested more than {MOST_LEVELS} levels deep"
        self._report("nesting-too-deep", message, span, label="too deep", help="check the brackets", related=related)

    def _not_a_map(self, is_null: bool, span: Span, what: str) -> None:
        self.done = True
        if self.found:
            return
        if is_null:
            self.found.append(_empty(span))
            return
        help = "begin with `apiVersion: llmform/v1`"
        self._report("not-a-map", f"the spec is {what}, not a map", span, label="not a map", help=help)


def _empty(span: Span) -> Diagnostic:
    help = "begin with `apiVersion: llmform/v1`, or let `llmform init` write a spec"
    return Diagnostic("empty-spec", "the spec is empty", span, label="nothing here", help=help)


def _first(text: str) -> int:
    """Return where the text begins after comments and blank lines."""
    space = SPACE.match(text)
    return space.end() if space else 0
