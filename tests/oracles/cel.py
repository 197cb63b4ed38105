"""A small evaluator of CEL, the language of validation rules in CustomResourceDefinitions.

It covers what the rules carried in `data/crds` use (a test parses every one of them); anything else is an
`Unsupported` when the rule is parsed, never a silent pass. Semantics: the CEL language definition
(google/cel-spec `doc/langdef.md`) with Kubernetes' string library and its escapes of property names.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from typing import Any

from .regex import re2

Ast = tuple[Any, ...]


class CelError(Exception):
    """Evaluation failed; the API server treats such a rule as broken by the object."""


class Unsupported(Exception):
    """The rule uses something that this evaluator does not know."""


_TOKEN = re.compile(
    r"""\s*(?:(?P<text>r?(?:\"\"\"(?:.|\n)*?\"\"\"|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"))
    |(?P<number>[0-9]+\.[0-9]+|[0-9]+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<op>\|\||&&|[<>=!]=|[-+*/%<>!?:.,()\[\]{}]))""",
    re.VERBOSE,
)
_MACROS = {"all", "exists", "exists_one", "filter", "map"}
_ESCAPES = {"__dot__": ".", "__dash__": "-", "__slash__": "/", "__underscores__": "__"}


def _tokens(rule: str) -> list[tuple[str, str]]:
    tokens, position, rule = [], 0, rule.rstrip()
    while position < len(rule):
        match = _TOKEN.match(rule, position)
        if match is None:
            raise Unsupported(f"cannot read `{rule[position:]}`")
        tokens.append((str(match.lastgroup), match[match.lastgroup or 0]))
        position = match.end()
    return tokens


def _text(literal: str) -> str:
    raw = literal.startswith("r")
    body = literal[1:] if raw else literal
    body = body[3:-3] if body.startswith('"""') else body[1:-1]
    return body if raw else re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(m[1], m[1]), body)


def _property(name: str) -> str:
    for escape, character in _ESCAPES.items():
        name = name.replace(escape, character)
    return name[2:-2] if re.fullmatch(r"__[a-z]+__", name) else name


class _Parser:
    """Recursive descent over CEL's grammar; every method returns a tuple whose first item is the form."""

    _LEVELS = (("||",), ("&&",), ("<", "<=", ">", ">=", "==", "!=", "in"), ("+", "-"), ("*", "/", "%"))

    def __init__(self, rule: str) -> None:
        self.tokens, self.at = _tokens(rule), 0

    def peek(self) -> str:
        if self.at >= len(self.tokens):
            return ""
        kind, text = self.tokens[self.at]
        return "" if kind == "text" else text

    def take(self, expected: str = "") -> tuple[str, str]:
        if self.at >= len(self.tokens) or (expected and self.peek() != expected):
            raise Unsupported(f"expected `{expected}` at token {self.at}")
        self.at += 1
        return self.tokens[self.at - 1]

    def rule(self) -> Ast:
        tree = self.expression()
        if self.at != len(self.tokens):
            raise Unsupported(f"unexpected `{self.peek()}`")
        return tree

    def expression(self) -> Ast:
        condition = self.binary(0)
        if self.peek() != "?":
            return condition
        self.take()
        yes = self.expression()
        self.take(":")
        return ("?", condition, yes, self.expression())

    def binary(self, level: int) -> Ast:
        if level == len(self._LEVELS):
            return self.unary()
        left = self.binary(level + 1)
        while self.peek() in self._LEVELS[level]:
            operator = self.take()[1]
            left = (operator, left, self.binary(level + 1))
        return left

    def unary(self) -> Ast:
        if self.peek() in ("!", "-"):
            return ("unary" + self.take()[1], self.unary())
        tree = self.primary()
        while self.peek() in (".", "["):
            if self.take()[1] == "[":
                tree = ("index", tree, self.expression())
                self.take("]")
                continue
            name = self.take()[1]
            tree = self.call(name, tree) if self.peek() == "(" else ("select", tree, _property(name))
        return tree

    def arguments(self, end: str) -> list[Ast]:
        found: list[Ast] = []
        while self.peek() != end:
            found.append(self.expression())
            if self.peek() != end:
                self.take(",")
        self.take(end)
        return found

    def call(self, name: str, target: Ast | None) -> Ast:
        self.take("(")
        arguments = self.arguments(")")
        if name == "has" and target is None and len(arguments) == 1 and arguments[0][0] == "select":
            return ("has", *arguments[0][1:])
        if name in _MACROS and target is not None and len(arguments) == 2 and arguments[0][0] == "name":
            return (name, target, arguments[0][1], arguments[1])
        if name not in (_FUNCTIONS if target is None else _METHODS):
            raise Unsupported(f"function `{name}`")
        return ("call", name, [target, *arguments] if target is not None else arguments)

    def primary(self) -> Ast:
        kind, text = self.take()
        if kind == "text":
            return ("literal", _text(text))
        if kind == "number":
            return ("literal", float(text) if "." in text else int(text))
        if kind == "name":
            if text in ("true", "false", "null"):
                return ("literal", {"true": True, "false": False, "null": None}[text])
            return self.call(text, None) if self.peek() == "(" else ("name", text)
        if text == "(":
            tree = self.expression()
            self.take(")")
            return tree
        if text == "[":
            return ("list", self.arguments("]"))
        if text == "{":
            pairs = []
            while self.peek() != "}":
                key = self.expression()
                self.take(":")
                pairs.append((key, self.expression()))
                if self.peek() != "}":
                    self.take(",")
            self.take("}")
            return ("entries", pairs)
        raise Unsupported(f"unexpected `{text}`")


def duration(text: str) -> timedelta:
    """Return a Go duration (`1h30m`, `500ms`); CelError if it is not one."""
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
    if text != "0" and not re.fullmatch(r"-?([0-9]+(\.[0-9]+)?(h|ms|m|s|us|ns))+", text):
        raise CelError(f"not a duration: {text!r}")
    seconds = sum(float(n) * units[u] for n, u in re.findall(r"([0-9.]+)(h|ms|m|s|us|ns)", text))
    return timedelta(seconds=-seconds if text.startswith("-") else seconds)


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _find(text: str, pattern: str) -> str:
    match = re2(pattern).search(text)
    return match[0] if match else ""


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "size": len,
    "int": int,
    "string": str,
    "double": float,
    "duration": duration,
    "isIP": _is_ip,
}
_METHODS: dict[str, Callable[..., Any]] = {
    "size": len,
    "matches": lambda text, pattern: re2(pattern).search(text) is not None,
    "find": _find,
    "split": lambda text, separator: text.split(separator),
    "startsWith": lambda text, start: text.startswith(start),
    "endsWith": lambda text, end: text.endswith(end),
    "contains": lambda text, part: part in text,
    "lowerAscii": lambda text: text.lower(),
    "upperAscii": lambda text: text.upper(),
    "substring": lambda text, *bounds: text[slice(*bounds)],
}


def _equal(left: Any, right: Any) -> bool:
    # Python takes True for 1, CEL does not
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


_ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a // b if isinstance(a, int) else a / b,
    "%": lambda a, b: a % b,
}


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise CelError(f"not true or false: {value!r}")
    return value


def _either(tree: Ast, scope: Mapping[str, Any], decisive: bool) -> bool:
    """`||` (decisive True) and `&&` (decisive False): an error yields to a decisive other side."""
    try:
        if _truth(_value(tree[1], scope)) is decisive:
            return decisive
    except CelError:
        if _truth(_value(tree[2], scope)) is decisive:
            return decisive
        raise
    return _truth(_value(tree[2], scope))


def _macro(tree: Ast, scope: Mapping[str, Any]) -> Any:
    form, target, name, body = tree
    items = list(_value(target, scope))
    results = (_value(body, {**scope, name: item}) for item in items)
    if form == "map":
        return list(results)
    if form == "filter":
        return [item for item, keep in zip(items, results, strict=True) if _truth(keep)]
    if form == "exists_one":
        return sum(_truth(r) for r in results) == 1
    return _quantified(body, [{**scope, name: item} for item in items], form == "exists")


def _quantified(body: Ast, scopes: list[dict[str, Any]], decisive: bool) -> bool:
    """`exists` (decisive True) and `all` (decisive False): one decisive item outweighs errors in others."""
    failed: CelError | None = None
    for scope in scopes:
        try:
            if _truth(_value(body, scope)) is decisive:
                return decisive
        except CelError as error:
            failed = error
    if failed is not None:
        raise failed
    return not decisive


def _value(tree: Ast, scope: Mapping[str, Any]) -> Any:
    try:
        return _evaluate(tree, scope)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        raise CelError(f"{tree[0]}: {error!r}") from error


def _evaluate(tree: Ast, scope: Mapping[str, Any]) -> Any:
    form = tree[0]
    if form == "literal":
        return tree[1]
    if form == "name":
        return scope[tree[1]]
    if form == "select":
        return _value(tree[1], scope)[tree[2]]
    if form == "has":
        return tree[2] in _value(tree[1], scope)
    if form == "index":
        return _value(tree[1], scope)[_value(tree[2], scope)]
    if form == "?":
        return _value(tree[2 if _truth(_value(tree[1], scope)) else 3], scope)
    if form in ("||", "&&"):
        return _either(tree, scope, form == "||")
    if form == "unary!":
        return not _truth(_value(tree[1], scope))
    if form == "unary-":
        return -_value(tree[1], scope)
    if form in ("==", "!="):
        return _equal(_value(tree[1], scope), _value(tree[2], scope)) is (form == "==")
    if form == "in":
        item = _value(tree[1], scope)
        return any(_equal(item, other) for other in _value(tree[2], scope))
    if form in _ORDER:
        return _ORDER[form](_value(tree[1], scope), _value(tree[2], scope))
    if form == "list":
        return [_value(item, scope) for item in tree[1]]
    if form == "entries":
        return {_value(key, scope): _value(value, scope) for key, value in tree[1]}
    if form == "call":
        arguments = [_value(argument, scope) for argument in tree[2]]
        table = _METHODS if tree[1] in _METHODS else _FUNCTIONS
        return table[tree[1]](*arguments)
    return _macro(tree, scope)


@cache
def parse(rule: str) -> Ast:
    """Return the rule as a tree; Unsupported if it uses what is not known here."""
    return _Parser(rule).rule()


def holds(rule: str, value: Any) -> bool:
    """Whether the rule is true with `self` = value; CelError if it cannot be evaluated."""
    return _truth(_value(parse(rule), {"self": value}))
