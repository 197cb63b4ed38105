"""Brings upstream facts into `data/`: compact, without descriptions, the same bytes for the same input.

    python -m tests.oracles.carry kubernetes OPENAPI.json
    python -m tests.oracles.carry crds FOLDER...        (FOLDER holds one project's CustomResourceDefinitions)
    python -m tests.oracles.carry vllm SERVE_ARGS.json ENV_VARS.json
    python -m tests.oracles.carry release SITE_PACKAGES (where pulumi_kubernetes is unpacked)

`README.md` says which release each file was taken from. Nothing here is used by the judges themselves.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import yaml

from .pulumi_classes import Package

DATA = Path(__file__).parent / "data"
_DROPPED = {
    "description",
    "title",
    "example",
    "externalDocs",
    "x-kubernetes-group-version-kind",
    "x-kubernetes-map-type",
    "x-kubernetes-patch-merge-key",
    "x-kubernetes-patch-strategy",
    "x-kubernetes-unions",
}


def compact(schema: Any) -> Any:
    """Return a schema without what no judge reads, a lone `allOf: [{$ref}]` as the reference itself."""
    if not isinstance(schema, dict):
        return schema
    slim: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _DROPPED:
            continue
        if key == "properties":
            slim[key] = {name: compact(part) for name, part in value.items()}
        elif key in ("items", "additionalProperties", "not"):
            slim[key] = compact(value)
        elif key in ("allOf", "anyOf", "oneOf"):
            slim[key] = [compact(part) for part in value]
        elif key == "$ref":
            slim[key] = value.removeprefix("#/components/schemas/")
        elif key == "x-kubernetes-validations":
            slim[key] = [{k: rule[k] for k in ("rule", "message") if k in rule} for rule in value]
        else:
            slim[key] = value
    if list(slim.get("allOf", [])) and len(slim["allOf"]) == 1 and "$ref" in slim["allOf"][0]:
        return slim["allOf"][0]
    return slim


def write(path: Path, value: Any) -> None:
    """Write JSON, gzipped where the name says so; no time stamp: same value, same bytes."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text, 9, mtime=0) if path.suffix == ".gz" else text + b"\n")


def carry_kubernetes(source: Path) -> None:
    """Carry the recorded OpenAPI of the built-in kinds."""
    openapi = json.loads(source.read_text())
    schemas = {name: compact(schema) for name, schema in openapi["schemas"].items()}
    write(DATA / "kubernetes-1.34.json.gz", {"kinds": openapi["kinds"], "schemas": schemas})


def carry_crds(folders: list[Path]) -> None:
    """Carry CustomResourceDefinitions, one file an API group; a kind of a later folder wins."""
    groups: dict[str, dict[str, Any]] = {}
    for path in (p for folder in folders for p in sorted(folder.glob("*.yaml"))):
        for crd in yaml.load_all(path.read_text(), Loader=yaml.CSafeLoader):
            if not crd:
                continue
            spec = crd["spec"]
            for version in spec["versions"]:
                name = f"{spec['group']}/{version['name']}/{spec['names']['kind']}"
                groups.setdefault(spec["group"], {})[name] = {
                    "namespaced": spec["scope"] == "Namespaced",
                    "served": version["served"],
                    "deprecated": version.get("deprecated", False),
                    "schema": compact(version["schema"]["openAPIV3Schema"]),
                }
    for group, kinds in groups.items():
        write(DATA / "crds" / f"{group}.json.gz", kinds)


def carry_vllm(arguments: Path, variables: Path) -> None:
    """Carry what an argparse parser needs of each recorded flag, and the names of environment variables."""
    recorded = json.loads(arguments.read_text())
    columns = ("flags", "dest", "action", "type", "choices", "nargs", "const", "accepts_none_string")
    rows = [
        {c: arg[c] for c in columns if arg[c] not in (None, False, [])} | {"deprecated": arg["deprecated"]}
        for arg in recorded["args"]
    ]
    for row, arg in zip(rows, recorded["args"], strict=True):
        # a parser name is checked only when the server starts, against the names in its metavar
        if row["dest"] == "tool_call_parser":
            row["names"] = arg["metavar"][1:].split("}")[0].split(",")
    names = [v["name"] for v in json.loads(variables.read_text())["env_vars"]]
    value = {
        "version": recorded["vllm_version"],
        "platform": recorded["platform"],
        "args": rows,
        "env": names,
    }
    write(DATA / "vllm-0.32.0.json.gz", value)


def carry_release(site_packages: Path) -> None:
    """Carry the properties of a Helm Release and of the Kubernetes provider."""
    package = Package(site_packages / "pulumi_kubernetes")
    tokens = ("kubernetes:helm.sh/v3:Release", "pulumi:providers:kubernetes")
    classes: dict[str, Any] = {}
    for token in tokens:
        classes |= package.tables(token)
    write(
        DATA / "pulumi-kubernetes-4.34.2.json",
        {"roots": {t: package.root(t) for t in tokens}, "classes": classes},
    )


if __name__ == "__main__":
    what, *paths = sys.argv[1:]
    given = [Path(p) for p in paths]
    if what == "kubernetes":
        carry_kubernetes(given[0])
    elif what == "crds":
        carry_crds(given)
    elif what == "vllm":
        carry_vllm(given[0], given[1])
    elif what == "release":
        carry_release(given[0])
    else:
        sys.exit(__doc__)
