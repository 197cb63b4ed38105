"""The judge of AWS policy documents, by the grammar of the IAM JSON policy language (version 2012-10-17).

Source: IAM User Guide, "Grammar of the IAM JSON policy language" and "IAM and AWS STS quotas".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from .placeholders import holds_placeholder, is_placeholder

IDENTITY, TRUST, RESOURCE = "identity", "trust", "resource"

_STATEMENT_KEYS = (
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
)
_ACTION = re.compile(r"\*|[a-z0-9-]+:[A-Za-z0-9*?]+")
_ARN = re.compile(r"\*|arn:(aws[a-z-]*|\*):[a-z0-9*-]+:[a-z0-9*-]*:([0-9*?]*|aws|\$\{[^}]+\}):.+")
_PRINCIPAL_ARN = re.compile(r"\*|[0-9]{12}|arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:.+")
_SERVICE = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?")
_CONDITION_KEY = re.compile(r"[A-Za-z0-9.-]+(/[A-Za-z0-9.-]+)*:[A-Za-z0-9_.:/${}=+@-]+")
_OPERATORS = {
    *(f"String{o}" for o in ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike")),
    *(
        f"{kind}{o}"
        for kind in ("Numeric", "Date")
        for o in ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
    ),
    *(f"Arn{o}" for o in ("Equals", "NotEquals", "Like", "NotLike")),
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "Null",
}


def policy_problems(value: Any, kind: str, path: str, most_characters: int = 0) -> Iterator[str]:
    """Yield `path: message` for what AWS would refuse in a policy: JSON text, or a `{"$json": …}` form.

    `most_characters` is the quota of the document without white space; 0 where none is known.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            yield f"{path}: not JSON ({error})"
            return
    elif isinstance(value, dict) and set(value) == {"$json"}:
        value = value["$json"]
    if is_placeholder(value):
        return
    if not isinstance(value, dict):
        yield f"{path}: not a policy document"
        return
    for key in value.keys() - {"Version", "Id", "Statement"}:
        yield f"{path}.{key}: unknown key"
    if value.get("Version") != "2012-10-17":
        yield f"{path}.Version: {value.get('Version')!r} is not '2012-10-17'"
    statements = value.get("Statement")
    statements = [statements] if isinstance(statements, dict) else statements
    if not isinstance(statements, list) or not statements:
        yield f"{path}.Statement: required"
        return
    sids = [s.get("Sid") for s in statements if isinstance(s, dict) and s.get("Sid") is not None]
    for sid in sorted({str(s) for s in sids if sids.count(s) > 1}):
        yield f"{path}.Statement: Sid {sid!r} is used twice"
    for index, statement in enumerate(statements):
        if not is_placeholder(statement):
            yield from _statement(statement, kind, f"{path}.Statement[{index}]")
    size = len(json.dumps(value, separators=(",", ":")))
    if most_characters and size > most_characters and not holds_placeholder(value):
        yield f"{path}: {size} characters are more than {most_characters}"


def _statement(statement: Any, kind: str, path: str) -> Iterator[str]:
    if not isinstance(statement, dict):
        yield f"{path}: not a statement"
        return
    for key in statement.keys() - set(_STATEMENT_KEYS):
        yield f"{path}.{key}: unknown key"
    sid = statement.get("Sid", "")
    if not isinstance(sid, str) or not re.fullmatch(r"[A-Za-z0-9]*", sid):
        yield f"{path}.Sid: {sid!r} is not alphanumeric"
    if statement.get("Effect") not in ("Allow", "Deny"):
        yield f"{path}.Effect: {statement.get('Effect')!r} is not 'Allow' or 'Deny'"
    pairs = [("Action", True), ("Resource", kind != TRUST), ("Principal", kind != IDENTITY)]
    for key, wanted in pairs:
        given = [k for k in (key, f"Not{key}") if k in statement]
        if wanted and len(given) != 1:
            yield f"{path}.{key}: exactly one of {key} and Not{key}"
        elif not wanted and given:
            yield f"{path}.{given[0]}: not in a policy of this kind ({kind})"
    for key, pattern in (("Action", _ACTION), ("Resource", _ARN)):
        for name in (key, f"Not{key}"):
            if name in statement:
                yield from _texts(statement[name], pattern, f"{path}.{name}")
    for key in ("Principal", "NotPrincipal"):
        if key in statement:
            yield from _principal(statement[key], f"{path}.{key}")
    if "Condition" in statement:
        yield from _condition(statement["Condition"], f"{path}.Condition")


def _texts(value: Any, pattern: re.Pattern[str], path: str) -> Iterator[str]:
    items = value if isinstance(value, list) else [value]
    if not items:
        yield f"{path}: empty"
    for item in items:
        if not is_placeholder(item) and not (isinstance(item, str) and pattern.fullmatch(item)):
            yield f"{path}: {item!r} does not have the form of {path.rpartition('.')[2]}"


def _principal(principal: Any, path: str) -> Iterator[str]:
    if principal == "*" or is_placeholder(principal):
        return
    if not isinstance(principal, dict) or not principal:
        yield f"{path}: {principal!r} is not a principal"
        return
    patterns: Mapping[str, re.Pattern[str]] = {
        "AWS": _PRINCIPAL_ARN,
        "Service": _SERVICE,
        "Federated": re.compile(r".+"),
        "CanonicalUser": re.compile(r"[0-9a-f]{64}"),
    }
    for key, value in principal.items():
        if key not in patterns:
            yield f"{path}.{key}: unknown kind of principal"
        else:
            yield from _texts(value, patterns[key], f"{path}.{key}")


def _condition(condition: Any, path: str) -> Iterator[str]:
    if is_placeholder(condition):
        return
    if not isinstance(condition, dict) or not condition:
        yield f"{path}: not a condition"
        return
    for operator, keys in condition.items():
        bare = re.sub(r"^For(All|Any)Values:|IfExists$", "", str(operator))
        if bare not in _OPERATORS:
            yield f"{path}.{operator}: not an operator"
        if is_placeholder(keys):
            continue
        if not isinstance(keys, dict) or not keys:
            yield f"{path}.{operator}: no key"
            continue
        for key, value in keys.items():
            if not _CONDITION_KEY.fullmatch(str(key)):
                yield f"{path}.{operator}[{key!r}]: not a condition key"
            for item in value if isinstance(value, list) else [value]:
                if not is_placeholder(item) and not isinstance(item, str | bool | int):
                    yield f"{path}.{operator}[{key!r}]: {item!r} is not a value"
