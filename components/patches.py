"""The spec's `patches`, applied to finished nodes.

`merge` is Kubernetes' strategic merge patch (maps merge, `null` removes, lists of named things merge by their key,
`$patch: delete`
and `$patch: replace` as there); on other nodes, a JSON merge patch (RFC 7386). `json` is a JSON patch (RFC 6902).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from components.graph import Node, Value, kubernetes_object
from components.graph_json import decode_value, encode_value
from specs.catalog.reader import merge_keys
from specs.schema.escapes import Patch


class PatchFailed(ValueError):
    """The patch cannot be applied to the node; the message says why, in the user's words."""


def apply_patch(node: Node, patch: Patch) -> Node:
    """Return the node with the patch applied; PatchFailed if it does not apply."""
    before = encode_value(node.inputs)
    if patch.merge is not None:
        keys: Mapping[str, str] = {}
        if kubernetes_object(node):
            keys = merge_keys(f"{node.inputs['apiVersion']}/{node.inputs['kind']}")
        after = merge(before, patch.merge, keys)
    else:
        after = _json_patch(before, patch)
    if not isinstance(after, dict):
        raise PatchFailed("it leaves no map: a node's inputs are a map")
    if kubernetes_object(node):
        _keep_identity(before, after)
    try:
        inputs: Value = decode_value(after)
    except ValueError as error:
        raise PatchFailed(str(error)) from None
    return replace(node, inputs=inputs)


def _keep_identity(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Refuse a patch that makes another object of it: the graph would no longer say what it is."""
    for path in (("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")):
        if _at(before, path) != _at(after, path):
            raise PatchFailed(
                f"it changes `{'.'.join(path)}`, which makes it another object; use `manifests` for objects of your own"
            )


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _json_patch(before: Any, patch: Patch) -> Any:
    import jsonpatch  # only specs with JSON patches pay for the import

    operations = [o.model_dump(by_alias=True, exclude_unset=True) for o in patch.json_patch or ()]
    after = before
    for number, operation in enumerate(operations, 1):
        what = f"operation {number}, `{operation['op']} {operation['path'][:200]}`"
        needed = {"move": "from", "copy": "from", "remove": "path"}.get(operation["op"], "value")
        if needed not in operation:
            raise PatchFailed(f"{what} needs a `{needed}`")
        # one by one, so that the message can say which; the library's own shows the whole node
        try:
            after = jsonpatch.apply_patch(after, [operation])
        except jsonpatch.JsonPatchTestFailed:
            raise PatchFailed(f"{what}: the node has another value there, or none") from None
        except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, LookupError, TypeError, ValueError):
            raise PatchFailed(f"{what}: the node has no such place") from None
    return after


def merge(base: Any, patch: Any, keys: Mapping[str, str], path: str = "") -> Any:
    """Return `base` with a strategic merge patch applied.

    `keys` gives, for the path of a list (`spec.template.spec.containers`, `….containers[].env`), the key its
    entries merge by.
    """
    if isinstance(patch, Mapping):
        if patch.get("$patch") == "replace":
            return {k: v for k, v in patch.items() if k != "$patch"}
        merged = dict(base) if isinstance(base, Mapping) else {}
        for name, value in patch.items():
            below = f"{path}.{name}" if path else name
            if value is None or (isinstance(value, Mapping) and value.get("$patch") == "delete"):
                merged.pop(name, None)
            else:
                merged[name] = merge(merged.get(name), value, keys, below)
        return merged
    if isinstance(patch, list | tuple) and isinstance(base, list) and path in keys:
        return _merge_list(base, list(patch), keys, path)
    return list(patch) if isinstance(patch, tuple) else patch


def _merge_list(base: list[Any], patch: list[Any], keys: Mapping[str, str], path: str) -> list[Any]:
    key = keys[path]
    if not key:  # a list of scalars that merges as a set
        return base + [item for item in patch if item not in base]
    if any(isinstance(item, Mapping) and item.get("$patch") == "replace" for item in patch):
        return [item for item in patch if not (isinstance(item, Mapping) and item.get("$patch") == "replace")]
    merged = list(base)
    for item in patch:
        if not isinstance(item, Mapping) or key not in item:
            raise PatchFailed(f"an entry of `{path}` has no `{key}`: entries of this list merge by `{key}`")
        places = [i for i, there in enumerate(merged) if isinstance(there, Mapping) and there.get(key) == item[key]]
        if item.get("$patch") == "delete":
            merged = [there for i, there in enumerate(merged) if i not in places]
        elif places:
            merged[places[0]] = merge(merged[places[0]], item, keys, f"{path}[]")
        else:
            merged.append(dict(item))
    return merged
