"""The JSON Schema of the language, generated from the schema classes: for completion, enums and hover text in
editors."""

from __future__ import annotations

import json
from typing import Any

from specs.overlay import FIXED, SHORT_FORMS
from specs.schema.base import Section
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
    _closed(schema)
    _short_forms(schema)
    _overlays(schema)
    _choices(schema)
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
    """Drop what editors would show instead of the description, or do not know.

    These are titles made of field names, `default: null`, and the limits of the number behind a quantity's text.
    """
    if isinstance(value, dict):
        noise = {k for k in ("title", "ge", "le") if not isinstance(value.get(k), dict)}
        noise |= {"default"} if "default" in value and value["default"] is None else set()
        return {k: _tidy(v) for k, v in value.items() if k not in noise}
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


def _closed(value: Any) -> None:
    """Refuse names of another form: a map whose keys have a pattern has no other keys."""
    if isinstance(value, dict):
        if "patternProperties" in value:
            value.setdefault("additionalProperties", False)
        for item in list(value.values()):
            _closed(item)
    elif isinstance(value, list):
        for item in value:
            _closed(item)


def _short_forms(schema: dict[str, Any]) -> None:
    """Allow a plain string where a short form stands for a map."""
    definitions = schema["definitions"]
    for pattern, _ in SHORT_FORMS:
        text: dict[str, Any]
        if pattern[0] == "models":
            text = {
                "type": "string",
                "pattern": "^hf://[^@]+@[0-9a-f]{40}$",
                "description": "hf://<organisation>/<name>@<commit>",
            }
            [name] = schema["properties"]["models"]["patternProperties"]
            model = {"anyOf": [text, {"$ref": "#/definitions/Model"}]}
            schema["properties"]["models"]["patternProperties"][name] = model
        elif pattern[0] == "adopt":
            adopt = schema["properties"]["adopt"]
            text = {
                "type": "string",
                "pattern": r"^\S+$",
                "maxLength": 2048,
                "description": "`namespace/name`, or the import id",
            }
            adopt["additionalProperties"] = {"anyOf": [text, {"$ref": "#/definitions/Adoption"}]}
        else:
            for target in ("AwsTarget", "OnPremTarget"):
                addons = definitions[target]["properties"]["addons"]
                about = addons.pop("description", "")
                addons.pop("default", None)
                definitions[target]["properties"]["addons"] = {
                    "description": about,
                    "anyOf": [{"type": "string", "enum": ["managed", "existing"]}, addons],
                }
    # `source: hf://…@<commit>` makes `revision` unnecessary
    definitions["Model"]["required"].remove("revision")


def _overlays(schema: dict[str, Any]) -> None:
    """Let overlays complete like the sections that they change: nothing is required there, and `null` removes."""
    definitions = schema["definitions"]
    properties: dict[str, Any] = {}
    patterns: dict[str, Any] = {}
    for key, section in schema["properties"].items():
        if key in FIXED:
            continue
        properties[key] = _or_null(_partial(section, definitions))
        entries = dict(section.get("patternProperties", {}))
        listed = section.get("propertyNames", {}).get("enum", [])
        if listed:
            entries["^(" + "|".join(listed) + ")$"] = section["additionalProperties"]
        for name, entry in entries.items():
            if listed or key in named_sections():
                name = name.strip("^$")
                patterns[f"^{key}\\.{name}$"] = _or_null(_partial(entry, definitions))
                patterns[f"^{key}\\.{name}\\..+$"] = {}
            else:
                patterns[f"^{key}\\..+$"] = _or_null(entry)
    definitions["Overlay"] = {
        "type": "object",
        "description": "What differs here: `section.name: {key: value}`. "
        "Maps merge, lists and scalars replace, null removes.",
        "properties": properties,
        "patternProperties": patterns,
        "additionalProperties": False,
    }
    for owner in ("AwsTarget", "OnPremTarget", "EdgeTarget", "Environment"):
        about = definitions[owner]["properties"]["overlay"].get("description", "")
        definitions[owner]["properties"]["overlay"] = {
            "description": about,
            "allOf": [{"$ref": "#/definitions/Overlay"}],
        }


def _partial(value: Any, definitions: dict[str, Any]) -> Any:
    """Return a schema in which nothing is required and every key may be null; definitions get a twin `X.partial`.

    Lists replace, so their entries stay whole.
    """
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
    changed: dict[str, Any] = {}
    for key, item in value.items():
        if key in ("items", "propertyNames"):
            changed[key] = item
        elif key == "oneOf":
            changed["anyOf"] = _partial(item, definitions)  # a part can belong to either
        elif key in ("properties", "patternProperties"):
            changed[key] = {k: v if k == "overlay" else _removable(v, definitions) for k, v in item.items()}
        elif key == "additionalProperties" and isinstance(item, dict):
            changed[key] = _or_null(_partial(item, definitions))
        elif key not in ("required", "default", "minProperties"):
            changed[key] = _partial(item, definitions)
    return changed


def _removable(value: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the partial schema of a key, which may be null; its description stays where editors look for it."""
    made = _or_null(_partial(value, definitions))
    return {"description": value["description"], **made} if "description" in value else made


def _or_null(value: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [{k: v for k, v in value.items() if k != "description"}, {"type": "null"}]} | {
        k: v for k, v in value.items() if k == "description"
    }


_ONE_OF: dict[str, tuple[str, tuple[dict[str, Any], ...]]] = {
    "Model": (
        "anyOf",
        ({"required": ["revision"]}, {"properties": {"source": {"pattern": "@[0-9a-f]{40}$"}}}),
    ),
    "NodePool": ("anyOf", ({"required": ["accelerator"]}, {"required": ["instance"]})),
    "Patch": ("oneOf", ({"required": ["merge"]}, {"required": ["json"]})),
    "Manifests": ("oneOf", ({"required": ["dir"]}, {"required": ["file"]})),
    "ModelArchitecture": (
        "oneOf",
        (
            {"required": ["config"]},
            {"required": ["family", "layers", "hidden", "intermediate", "heads", "kvHeads", "headDim", "vocab"]},
        ),
    ),
}
"""What the validators of the sections say about keys that exclude or replace one another."""


def _choices(schema: dict[str, Any]) -> None:
    for name, (keyword, options) in _ONE_OF.items():
        schema["definitions"][name][keyword] = [dict(option) for option in options]
