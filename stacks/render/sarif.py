"""Remarks on lines as SARIF 2.1.0 (OASIS standard with errata 01, 2023-08-28).

Files are named by relative URIs against `%SRCROOT%`, columns count characters, and what a remark is about is said by
`partialFingerprints`, which stay when lines move. Text is plain: what a viewer would read as a link or a placeholder
(3.11.5, 3.11.6 of the standard) is broken up.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from specs import __version__
from stacks.explain import page
from stacks.render.remarks import Remark
from stacks.render.style import safe
from stacks.risk.finding import Risk

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

MOST = 5_000
"""Results in a log: GitHub shows that many of a run, and refuses a file with more than 25,000 (docs.github.com, "SARIF
support for code scanning", as of 2026-11). The worst are kept, and a notification says how many are not there."""

_RISKS = {
    f"risk-{Risk.IN_PLACE}": "something running changes, and goes on",
    f"risk-{Risk.ROLLING}": "pods or nodes restart one after another; capacity is kept",
    f"risk-{Risk.REPLACING}": "an object disappears and comes back, or capacity drops",
    f"risk-{Risk.DESTRUCTIVE}": "data or an address is lost",
}
"""What the steps of a plan are called as rules. docs/concepts/plan-and-risk.md says more."""


def sarif(found: Sequence[Remark]) -> str:
    """Return the log as JSON in ASCII, the remarks in the order in which they are given."""
    shown = found[:MOST]
    rules = list(dict.fromkeys(a.rule for a in shown))
    positions = {rule: position for position, rule in enumerate(rules)}
    seen: Counter[str] = Counter()
    results = [_result(a, positions[a.rule], seen) for a in shown]
    run: dict[str, Any] = {
        "tool": {
            "driver": {"name": "llmform", "semanticVersion": __version__, "rules": [_rule(rule) for rule in rules]}
        },
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    if len(found) > MOST:
        left = f"{len(found) - MOST:,} more results are not in this log"
        run["invocations"] = [
            {"executionSuccessful": True, "toolExecutionNotifications": [{"level": "note", "message": {"text": left}}]}
        ]
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(rule: str) -> dict[str, Any]:
    text = page(rule) or f"# {rule}\n\n{_RISKS.get(rule, rule)}\n"
    said = _first_sentence(text) if rule not in _RISKS else _RISKS[rule]
    return {
        "id": rule,
        "shortDescription": {"text": _plain(said)},
        "fullDescription": {"text": _plain(said)},
        "help": {"text": _plain(text), "markdown": text},
    }


def _first_sentence(text: str) -> str:
    """Return the first paragraph of a page's text, in one line."""
    paragraphs = [p for p in text.split("\n\n") if p.strip() and not p.startswith(("#", "<!--", "```"))]
    return " ".join(paragraphs[0].split()) if paragraphs else text


def _result(a: Remark, rule: int, seen: Counter[str]) -> dict[str, Any]:
    region = {"startLine": a.line, "startColumn": a.column}
    if a.end_line:
        region |= {"endLine": a.end_line, "endColumn": a.end_column}
    digest = hashlib.sha256("\0".join(a.identity).encode("utf-8", "backslashreplace")).hexdigest()
    seen[digest] += 1
    text = a.text if a.title == a.rule else f"{a.title}\n{a.text}"
    return {
        "ruleId": a.rule,
        "ruleIndex": rule,
        "level": a.level,
        "message": {"text": _plain(text)},
        "locations": [{"physicalLocation": {"artifactLocation": _artifact(a.file), "region": region}}],
        "partialFingerprints": {"llmformRemark/v1": f"{digest}:{seen[digest]}"},
    }


def _artifact(file: str) -> dict[str, str]:
    if file.startswith("/"):
        return {"uri": f"file://{_uri(file)}"}
    return {"uri": _uri(file.removeprefix("./")), "uriBaseId": "%SRCROOT%"}


def _uri(path: str) -> str:
    return quote(path, errors="backslashreplace")


def _plain(text: str) -> str:
    text = "\n".join(safe(line) for line in text.split("\n"))
    return re.sub(r"\{(\d+)\}", r"{{\1}}", text.replace("](", "] ("))
