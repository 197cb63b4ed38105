"""The JSON Schema of the language, generated from the schema classes: for completion, enums and hover text in
editors."""

from __future__ import annotations

import json
from typing import Any

from specs.overlay import FIXED, SHORT_FORMS
from specs.schema.base import NAME_PATTERN, Section
from specs.schema.descriptions import descriptions
from specs.schema.spec import Spec
from specs.schema.walk import named_sections, sections_of

DIALECT = "http://json-schema.org/draft-07/schema#"
"""Draft 7: what the YAML language servers of the editors read."""


def schema_text() -> str:
    """Return the schema as JSON text."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a spec, short forms and overlays included."""
    raw = Spec.model_json_schema(by_alias=True, ref_template="#/definitions/{model}")
    _describe(raw)
    definitions: dict[str, Any] = raw.pop("$defs")
    schema: dict[str, Any] = {
        "$schema": DIALECT,
        "title": "llmform spec",
        **_tidy(raw, "Spec"),
        "definitions": {},
    }
    schema["definitions"] = {name: _tidy(d, name) for name, d in sorted(definitions.items())}
    _draft_7(schema)
    _short_forms(schema)
    _overlays(schema)
    return schema


def _describe(raw: dict[str, Any]) -> None:
    """Put the descriptions of the schema's fields beside them, as hover text."""
    pending: list[type[Section]] = [Spec]
    sections: dict[str, type[Section]] = {}
    while pending:
        section = pending.pop()
        if section.__name__ not in sections:
            sections[section.__name__] = section
            pending.extend(s for field in section.model_fields.values() for s in sections_of(field.annotation))
    for name, section in sections.items():
        properties = raw["properties"] if section is Spec else raw["$defs"][name]["properties"]
        for field, about in descriptions(section).items():
            properties[section.model_fields[field].alias or field]["description"] = about


def _tidy(value: Any, name: str = "") -> Any:
    """Drop the titles that pydantic makes of field names: editors would show them instead of the description."""
    if isinstance(value, dict):
        return {k: _tidy(v) for k, v in value.items() if not (k == "title" and isinstance(v, str))}
    return [_tidy(v) for v in value] if isinstance(value, list) else value


def _draft_7(value: Any) -> None:
    """Write lists of fixed forms and references with siblings as draft 7 knows them."""
    if isinstance(value, dict):
        reference = value.get("$ref")
        if reference and len(value) > 1:
            value["allOf"] = [{"$ref": value.pop("$ref")}]
        if "discriminator" in value:
            del value["discriminator"]
        for item in list(value.values()):
            _draft_7(item)
    elif isinstance(value, list):
        for item in value:
            _draft_7(item)


def _short_forms(schema: dict[str, Any]) -> None:
    """Allow a plain string where a short form stands for a map."""
    definitions = schema["definitions"]
    for pattern, _ in SHORT_FORMS:
        if pattern[0] == "models":
            models = schema["properties"]["models"]
            text = {
                "type": "string",
                "pattern": "^hf://[^@]+@[0-9a-f]{40}$",
                "description": "hf://<organisation>/<name>@<commit>",
            }
            models["additionalProperties"] = {"anyOf": [text, {"$ref": "#/definitions/Model"}]}
        elif pattern[0] == "adopt":
            adopt = schema["properties"]["adopt"]
            text = {"type": "string", "pattern": r"^\S{1,2048}$", "description": "`namespace/name`, or the import id"}
            adopt["additionalProperties"] = {"anyOf": [text, {"$ref": "#/definitions/Adoption"}]}
        else:
            for target in ("AwsTarget", "OnPremTarget"):
                addons = definitions[target]["properties"]["addons"]
                about = addons.pop("description", "")
                default = addons.pop("default", None)
                del default
                definitions[target]["properties"]["addons"] = {
                    "description": about,
                    "anyOf": [{"type": "string", "enum": ["managed", "existing"]}, addons],
                }
    model = definitions["Model"]
    # `source: hf://…@<commit>` makes `revision` unnecessary
    model["required"] = [r for r in model.get("required", ()) if r != "revision"]


def _overlays(schema: dict[str, Any]) -> None:
    """Let overlays complete like the sections that they change: nothing is required there, and `null` removes."""
    definitions = schema["definitions"]
    properties: dict[str, Any] = {}
    patterns: dict[str, Any] = {}
    for key, section in schema["properties"].items():
        if key in FIXED:
            continue
        properties[key] = _partial(section, definitions)
        if key in named_sections() or key == "policies":
            entry = section.get("additionalProperties", {})
            if key == "targets":
                entry = {"anyOf": [{"$ref": "#/definitions/AwsTarget"}, {"$ref": "#/definitions/OnPremTarget"}]}
            name = NAME_PATTERN.strip("^$")
            patterns[f"^{key}\\.{name}$"] = {"anyOf": [{"type": "null"}, _partial(entry, definitions)]}
            patterns[f"^{key}\\.{name}\\..+$"] = {}
    definitions["Overlay"] = {
        "type": "object",
        "description": "What differs here: `section.name: {key: value}`. "
        "Maps merge, lists and scalars replace, null removes.",
        "properties": properties,
        "patternProperties": patterns,
        "additionalProperties": False,
    }
    for owner in ("AwsTarget", "OnPremTarget", "Environment"):
        about = definitions[owner]["properties"]["overlay"].get("description", "")
        definitions[owner]["properties"]["overlay"] = {
            "description": about,
            "allOf": [{"$ref": "#/definitions/Overlay"}],
        }


def _partial(value: Any, definitions: dict[str, Any]) -> Any:
    """Return a schema in which nothing is required and every key may be null; definitions get a twin `X.partial`."""
    if isinstance(value, list):
        return [_partial(v, definitions) for v in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref")
    if reference:
        name = reference.rpartition("/")[2]
        twin = f"{name}.partial"
        if twin not in definitions:
            definitions[twin] = {}  # first the place, so that a definition that refers to itself ends
            definitions[twin].update(_partial(definitions[name], definitions))
        return {"$ref": f"#/definitions/{twin}"}
    changed = {
        k: _partial(v, definitions) for k, v in value.items() if k not in ("required", "default", "minProperties")
    }
    if "properties" in changed:
        changed["properties"] = {
            k: v if k == "overlay" else {"anyOf": [v, {"type": "null"}]} for k, v in changed["properties"].items()
        }
    return changed
