"""What a SARIF 2.1.0 log may hold: the definitions of the official schema that a log of llmform can use, without their
descriptions and defaults (sarif-schema-2.1.0.json, errata 01, oasis-tcs/sarif-spec commit 0a8091f7, read 2026-11-21),
and what the schema cannot say. A property that the schema knows and this part does not is refused: add it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema

_TEXT = {"type": "string"}
_LEVEL = {"enum": ["none", "note", "warning", "error"], "type": "string"}
_COUNT = {"type": "integer", "minimum": 1}
_INDEX = {"type": "integer", "minimum": -1}
_MESSAGE = {"$ref": "#/definitions/multiformatMessageString"}


def _map(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": required}


def _list(of: str, *, unique: bool) -> dict[str, Any]:
    return {"type": "array", "minItems": 0, "uniqueItems": unique, "items": {"$ref": f"#/definitions/{of}"}}


SCHEMA: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-04/schema#",
    **_map(
        ["version", "runs"],
        version={"enum": ["2.1.0"], "type": "string"},
        runs=_list("run", unique=False),
        **{"$schema": {"type": "string", "format": "uri"}},
    ),
    "definitions": {
        "run": _map(
            ["tool"],
            tool=_map(["driver"], driver={"$ref": "#/definitions/toolComponent"}),
            columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"], "type": "string"},
            results=_list("result", unique=False),
            invocations=_list("invocation", unique=False),
        ),
        "toolComponent": _map(
            ["name"], name=_TEXT, semanticVersion=_TEXT, rules=_list("reportingDescriptor", unique=True)
        ),
        "reportingDescriptor": _map(
            ["id"], id=_TEXT, shortDescription=_MESSAGE, fullDescription=_MESSAGE, help=_MESSAGE
        ),
        "multiformatMessageString": _map(["text"], text=_TEXT, markdown=_TEXT),
        "message": _map(["text"], text=_TEXT),
        "result": _map(
            ["message"],
            ruleId=_TEXT,
            ruleIndex=_INDEX,
            level=_LEVEL,
            message={"$ref": "#/definitions/message"},
            locations=_list("location", unique=False),
            partialFingerprints={"type": "object", "additionalProperties": _TEXT},
        ),
        "location": _map([], physicalLocation={"$ref": "#/definitions/physicalLocation"}),
        "physicalLocation": _map(
            ["artifactLocation"],
            artifactLocation=_map([], uri={"type": "string", "format": "uri-reference"}, uriBaseId=_TEXT),
            region=_map(["startLine"], startLine=_COUNT, startColumn=_COUNT, endLine=_COUNT, endColumn=_COUNT),
        ),
        "invocation": _map(
            ["executionSuccessful"],
            executionSuccessful={"type": "boolean"},
            toolExecutionNotifications=_list("notification", unique=False),
        ),
        "notification": _map(["message"], level=_LEVEL, message={"$ref": "#/definitions/message"}),
    },
}

MOST_RESULTS = 25_000
"""Results of one run that GitHub takes (docs.github.com, "SARIF support for code scanning", as of 2026-11)."""


def problems(log: Any) -> list[str]:
    """Return what is wrong with a log, as `path: message`."""
    found = [f"{error.json_path}: {error.message}" for error in jsonschema.Draft4Validator(SCHEMA).iter_errors(log)]
    return found or list(_beyond_the_schema(log))


def _beyond_the_schema(log: Any) -> Iterator[str]:
    """Yield what the standard or GitHub asks for and no schema can say."""
    for run in log["runs"]:
        ids = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
        if len(set(ids)) < len(ids):
            yield "rules: an id is there twice"
        prints = [r["partialFingerprints"]["llmformRemark/v1"] for r in run["results"]]
        if len(set(prints)) < len(prints):
            yield "results: two have the same fingerprint"
        if len(prints) > MOST_RESULTS:
            yield f"results: {len(prints)} are more than GitHub takes"
        for result in run["results"]:
            if ids[result["ruleIndex"]] != result["ruleId"]:
                yield f"{result['ruleId']}: its index names {ids[result['ruleIndex']]}"
            (location,) = result["locations"]
            place = location["physicalLocation"]
            uri, region = place["artifactLocation"]["uri"], place["region"]
            if not uri.isascii() or any(c in uri for c in ' "<>\\^`{|}') or (":" in uri and "uriBaseId" in place):
                yield f"{uri}: is no relative URI (RFC 3986)"
            end = (region.get("endLine", region["startLine"]), region.get("endColumn", region["startColumn"]))
            if end < (region["startLine"], region["startColumn"]):
                yield f"{result['ruleId']}: its region ends before it begins"
