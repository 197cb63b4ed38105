"""Mutations of specs for the fuzzer: of the text, of the tree, and of the objects beside it.

Every mutation takes a `random.Random` and nothing else that changes, so a number and a seed are enough to make an
input again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from random import Random
from typing import Any

import yaml

Json = Any
Place = tuple[str | int, ...]

TOKENS: tuple[str, ...] = (
    # YAML
    ": ", "- ", "? ", "\n", "\n\n", "\n  ", "\n      ", "\r\n", "\t", " ", "[", "]", "{", "}", ",", "&a ", "*a",
    "&b ", "*b", "<<: *a", "|\n", ">-\n",
    "'", '"', "#", " # x\n", "---\n", "...\n", "%YAML 1.1\n", "%TAG ! tag:x,2000:\n", "!!str ", "!!binary ", "!x ",
    "yes", "no", "on", "off", "null", "~",
    "true", "false", "0x10", "0o17", "017", "1_000", "12:30:45", ".inf", "-.inf", ".nan", "1e400", "-0",
    "2026-11-21", "1.", "\\", "\\ud83d", "\\x00",
    # llmform
    "apiVersion: llmform/v1\n", "name: x\n", "models:", "nodePools:", "stores:", "serving:", "targets:",
    "environments:", "overlay:", "moved:", "patches:",
    "manifests:", "labels:", "owner:", "edition: 2026-11\n", "provider: aws", "provider: on-prem", "kubeContext: x",
    "storage: {shared: x}", "addons: existing",
    "hf://a/b@", "0e9e39f249a16976918f6564b8830bc894c89659", "16k", "15Gi", "7y", "10m", "99.9%", "$95000", "800ms",
    "region: us-east-1", "zones: 3",
    "zones: [us-east-1a, us-east-1b]", "nat: per-zone", "10.0.0.0/16", "0.0.0.0/0", "capacity: [spot]", "perNode: 8",
    "accelerator: nvidia-h100-80gb",
    "instance: g6e.xlarge", "max: 0", "min: 5", "args: {", "env: {", "merge: {", "json: [", "match: ", "op: add",
    "path: /", "dir: k8s/", "file: ../x",
    "serving.chat: null", "nodePools.l40s: {max: 1}", "targets.us-east-1: {zones: 2}", "parallelism: {tensor: 2}",
    "replicas: 1000", "retention: 1d",
    "kind: object", "context-length", "HF_TOKEN: x", "token: {secret: x}",
    "provider: edge", "sites: {file: shops.csv}", "sites: [{name: a}]", "upstream: hub", "engine: triton",
    "engine: llama-cpp", "quantization: fp8", "architecture: {config: config.json}", "parallelism: {pipeline: 2}",
    "sharing: {mode: mps, replicas: 2}", "sharing: {mode: mig, profile: 1g.10gb}", "concurrency: 1000000",
    "traffic: {requestsPerSecond: 1e-9, inputTokens: 1, outputTokens: 1}", "objectives: {availability: 100%}",
)  # fmt: skip
"""Words that mean something to YAML or to llmform."""

CHARACTERS = "\0\x07\x1b\x7f\x85\xa0é\u0300\u200b\u202e\u2028\ufeff\ufffe\U0001f600\U0010ffff²٣İ"
"""Characters that readers, folders of case and terminals disagree about."""

SCALARS: tuple[Json, ...] = (
    None, True, False, 0, 1, -1, 3, 17, 1000, 2**31, 2**63 - 1, -(2**63), 1.5, -0.0, 1e308, "", " ", "x", "x" * 41,
    "x" * 64, "x" * 254, "X", "a.b", "a/b",
    "-", "0", "1", "16k", "8Gi", "1d", "7y", "*", "..", "/", "~", "~1", "weights", "system", "aws", "on-prem",
    "object", "vllm", "us-east-1", "eu-west-1",
    "nvidia-l40s", "nvidia-t4g", "nvidia-h100-80gb", "nvidia-b200", "g6e.xlarge", "g5g.xlarge", "p5.48xlarge",
    "p5.4xlarge", "m5.large",
    "hf://Qwen/Qwen2.5-7B-Instruct@a09a35458c702b33eeacc393d103063234e8bc28", "hf://a/b", "10.0.0.0/16", "0.0.0.0/0",
    "999.1.1.1/8", "managed",
    "existing", "serving.chat", "nodePools.l40s", "{}", "{x}", "%s", "%(x)s", "{0}", "`", "$(X)", "${X}", "\x1b[31m",
    "é😀", "\u202e", "\n", "a\nb", "\t",
    [], {}, [[]], [{}], {"": ""}, {"$ref": ["a", "b"]}, {"$map": {}}, {"$json": 1}, {"$format": [1]},
    {"$stackOutput": ["foundation", "vpcId"]},
    {"$patch": "delete"}, {"$patch": "replace"}, {"$x": 1},
)  # fmt: skip
"""Values of every type, many of which some field takes seriously."""


@dataclass(frozen=True, slots=True)
class Input:
    """One spec with the files beside it."""

    data: bytes
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Corpus:
    """What mutations start from: sound specs as text and tree, objects, node ids that patches can match, and the files
    beside the specs."""

    texts: tuple[str, ...]
    trees: tuple[dict[str, Any], ...]
    objects: tuple[dict[str, Any], ...]
    ids: tuple[str, ...]
    beside: Mapping[str, bytes]


def make(rng: Random, corpus: Corpus) -> Input:
    """Return a mutated spec, with mutated objects beside it."""
    kind = rng.random()
    files = dict(corpus.beside)
    if rng.random() < 0.3:
        name = rng.choice(sorted(files))
        files[name] = mutated_text(rng, files[name].decode("utf-8"), corpus.texts)
    if kind < 0.35:
        data = mutated_text(rng, rng.choice(corpus.texts), corpus.texts)
    elif kind < 0.80:
        data = written(rng, mutated_tree(rng, deepcopy(rng.choice(corpus.trees)), corpus))
    elif kind < 0.85:
        tree = mutated_tree(rng, deepcopy(rng.choice(corpus.trees)), corpus)
        data = mutated_text(rng, written(rng, tree).decode("utf-8", "replace"), corpus.texts)
    else:
        tree = deepcopy(rng.choice(corpus.trees))
        files |= with_manifests(rng, tree, corpus)
        data = written(rng, tree)
    return Input(data, files)


# --- text -------------------------------------------------------------------------------------------------------


def mutated_text(rng: Random, text: str, texts: tuple[str, ...]) -> bytes:
    """Return the text after one to four mutations of its characters, in the end of its bytes."""
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        text = rng.choice(TEXT_MUTATIONS)(rng, text, texts)
        text = text[:200_000]
    data = text.encode("utf-8", "surrogatepass" if rng.random() < 0.3 else "replace")
    if rng.random() < 0.2:
        data = _flipped(rng, data)
    return data


def _cut(rng: Random, text: str) -> tuple[int, int]:
    start = rng.randint(0, len(text))
    return start, min(len(text), start + rng.choice((0, 1, 1, 2, 5, 20, 200)))


def _delete(rng: Random, text: str, texts: tuple[str, ...]) -> str:
    start, end = _cut(rng, text)
    return text[:start] + text[end:]


def _duplicate(rng: Random, text: str, texts: tuple[str, ...]) -> str:
    start, end = _cut(rng, text)
    return text[:end] + text[start:end] * rng.choice((1, 1, 2, 50)) + text[end:]


def _delete_line(rng: Random, text: str, texts: tuple[str, ...]) -> str:
    lines = text.splitlines(keepends=True)
    if lines:
        del lines[rng.randrange(len(lines))]
    return "".join(lines)


def _move_line(rng: Random, text: str, texts: tuple[str, ...]) -> str:
    lines = text.splitlines(keepends=True) or [""]
    line = lines.pop(rng.randrange(len(lines)))
    lines.insert(rng.randint(0, len(lines)), " " * rng.choice((0, 0, 2, 4)) + line)
    return "".join(lines)


def _indent(rng: Random, text: str, texts: tuple[str, ...]) -> str:
    lines = text.splitlines(keepends=True) or [""]
    place = rng.randrange(len(lines))
    lines[place] = rng.choice((" ", "  ", "\t", "    ")) + lines[place] if rng.random() < 0.6 else lines[place].lstrip()
    return "".join(lines)


def _splice(rng: Random, text: str, texts: tuple[str, ...]) -> str:
    other = rng.choice(texts)
    return text[: rng.randint(0, len(text))] + other[rng.randint(0, len(other)) :]


def _insert_token(rng: Random, text: str, texts: tuple[str, ...]) -> str:
    place = rng.randint(0, len(text))
    return text[:place] + rng.choice(TOKENS) + text[place:]


def _swap_token(rng: Random, text: str, texts: tuple[str, ...]) -> str:
    words = text.split(" ")
    words[rng.randrange(len(words))] = rng.choice(TOKENS)
    return " ".join(words)


def _swap_words(rng: Random, text: str, texts: tuple[str, ...]) -> str:
    words = text.split(" ")
    a, b = rng.randrange(len(words)), rng.randrange(len(words))
    words[a], words[b] = words[b], words[a]
    return " ".join(words)


def _unicode(rng: Random, text: str, texts: tuple[str, ...]) -> str:
    place = rng.randint(0, len(text))
    return text[:place] + "".join(rng.choices(CHARACTERS, k=rng.choice((1, 1, 3)))) + text[place:]


def _number(rng: Random, text: str, texts: tuple[str, ...]) -> str:
    number = rng.choice(
        (
            "9" * 20,
            "9" * 5000,
            "1e999",
            "-1",
            "0",
            "1e-400",
            "0." + "0" * 300 + "1",
            "00",
            "1" + "0" * 300,
            "-" + "9" * 400,
        )
    )
    digits = [i for i, c in enumerate(text) if c.isdigit()]
    place = rng.choice(digits) if digits else 0
    return text[:place] + number + text[place + 1 :]


def _deep(rng: Random, text: str, texts: tuple[str, ...]) -> str:
    depth = rng.choice((10, 60, 63, 64, 65, 70, 500, 3000))
    opening, closing = rng.choice((("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")))
    value = opening * depth + "x" + closing * (depth if rng.random() < 0.8 else 0)
    place = rng.randint(0, len(text))
    return text[:place] + value + text[place:]


def _aliases(rng: Random, text: str, texts: tuple[str, ...]) -> str:
    trick = rng.choice(
        (
            "labels: &x {a: *x}\n",
            "labels: &x\n  <<: *x\n",
            "args: &a [&a x, *a]\n",
            "a: &a [x,x,x,x,x,x,x,x,x]\n"
            + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(9)),
            "a: &a {b: 1}\nc: {<<: [*a, *a, {<<: *a}]}\n",
            "<<: {name: y}\n",
            "<<: [{name: y}, {owner: z}]\n",
            "*a : x\n",
            "&a a: *a\n",
        )
    )
    lines = text.splitlines(keepends=True)
    lines.insert(rng.randint(0, len(lines)), trick)
    return "".join(lines)


def _anchor_a_value(rng: Random, text: str, texts: tuple[str, ...]) -> str:
    """Anchor one value and refer to it from somewhere else: often a sound spec."""
    places = [i for i, c in enumerate(text) if text[i : i + 2] == ": "]
    if len(places) < 2:
        return text
    first, second = sorted(rng.sample(places, 2))
    return text[: first + 2] + "&v " + text[first + 2 : second + 2] + "*v #" + text[second + 2 :]


def _same(rng: Random, text: str, texts: tuple[str, ...]) -> str:
    """Change only how the text is written."""
    return rng.choice(
        (text.replace("\n", "\r\n"), text.replace("\n", "\r"), text + "\n# é😀\n", text.rstrip("\n"), "\n\n" + text)
    )


TEXT_MUTATIONS: tuple[Callable[[Random, str, tuple[str, ...]], str], ...] = (
    _delete, _duplicate, _delete_line, _move_line, _indent, _splice, _insert_token, _swap_token, _swap_words,
    _unicode, _number, _deep, _aliases,
    _anchor_a_value, _same,
)  # fmt: skip


def _flipped(rng: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


# --- trees ------------------------------------------------------------------------------------------------------


def mutated_tree(rng: Random, tree: dict[str, Any], corpus: Corpus) -> dict[str, Any]:
    """Return the tree after one to three mutations; most leave something that can be read."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        rng.choice(TREE_MUTATIONS)(rng, tree, corpus)
    return tree


def places(value: Json, path: Place = ()) -> list[Place]:
    """Return the path of everything below a value."""
    found: list[Place] = []
    if isinstance(value, dict):
        for key, item in value.items():
            found += [(*path, key), *places(item, (*path, key))]
    elif isinstance(value, list):
        for position, item in enumerate(value):
            found += [(*path, position), *places(item, (*path, position))]
    return found


def at(value: Json, path: Place) -> Json:
    """Return what stands at a path."""
    for part in path:
        value = value[part]
    return value


def _somewhere(rng: Random, tree: Json) -> tuple[Json, Any] | None:
    found = places(tree)
    if not found:
        return None
    path = rng.choice(found)
    return at(tree, path[:-1]), path[-1]


def _retype(rng: Random, tree: dict[str, Any], corpus: Corpus) -> None:
    if place := _somewhere(rng, tree):
        place[0][place[1]] = deepcopy(rng.choice(SCALARS))


def _rename(rng: Random, tree: dict[str, Any], corpus: Corpus) -> None:
    place = _somewhere(rng, tree)
    if place is None or not isinstance(place[0], dict):
        return
    owner, key = place
    slips = (
        key + "x",
        key[:-1],
        key.upper(),
        key[::-1],
        f"{key}.{key}",
        "",
        "a" * 300,
        key + "\u0301",
        rng.choice(TOKENS),
    )
    owner[rng.choice(slips)] = owner.pop(key)


def _remove(rng: Random, tree: dict[str, Any], corpus: Corpus) -> None:
    if place := _somewhere(rng, tree):
        del place[0][place[1]]


def _spliced(rng: Random, tree: dict[str, Any], corpus: Corpus) -> None:
    other = rng.choice(corpus.trees)
    taken = deepcopy(at(other, rng.choice(places(other))))
    if place := _somewhere(rng, tree):
        owner, key = place
        if isinstance(owner, dict) and rng.random() < 0.5:
            owner[rng.choice(("x", "chat", "l40s", "overlay", str(key)))] = taken
        elif isinstance(owner, list) and rng.random() < 0.5:
            owner.append(taken)
        else:
            owner[key] = taken


def _same_key_elsewhere(rng: Random, tree: dict[str, Any], corpus: Corpus) -> None:
    """Swap two values of the tree."""
    found = places(tree)
    if len(found) < 2:
        return
    a, b = rng.sample(found, 2)
    if a[: len(b)] == b or b[: len(a)] == a:
        return
    first, second = at(tree, a), at(tree, b)
    at(tree, a[:-1])[a[-1]] = second
    at(tree, b[:-1])[b[-1]] = first


def _overlay(rng: Random, tree: dict[str, Any], corpus: Corpus) -> None:
    """Add an overlay that points somewhere."""
    section = rng.choice(("targets", "environments"))
    if not isinstance(tree.get(section), dict):
        tree[section] = {"prod": {}}
    entries = [e for e in tree[section].values() if isinstance(e, dict)]
    if not entries:
        return
    entry = rng.choice(entries)
    overlay = entry.setdefault("overlay", {})
    if not isinstance(overlay, dict):
        return
    for _ in range(rng.choice((1, 1, 2, 4))):
        path = rng.choice(places(tree) or [("name",)])
        value = deepcopy(rng.choice((*SCALARS, at(tree, path))))
        cut = rng.choice((1, 2, 2, 2, 3, len(path)))
        key = ".".join(map(str, path[:cut]))
        rest = path[cut:]
        for part in reversed(rest if rng.random() < 0.5 else ()):
            value = {str(part): value}
        overlay[rng.choice((key, key, key, f"{key}.x", f"{key}.", f".{key}", key + "x"))] = value


def _patch(rng: Random, tree: dict[str, Any], corpus: Corpus) -> None:
    """Add patches, most of them of nodes that exist."""
    patches = tree.setdefault("patches", [])
    if not isinstance(patches, list):
        return
    for _ in range(rng.choice((1, 1, 2))):
        patch: dict[str, Any] = {
            "match": rng.choice(corpus.ids) if rng.random() < 0.95 else rng.choice(("", "x", "a/b/c", "é"))
        }
        kind = rng.random()
        if kind < 0.55:
            patch["merge"] = _merge_patch(rng)
        if kind > 0.5:
            patch["json"] = [_operation(rng) for _ in range(rng.choice((1, 1, 2, 4)))]
        patches.append(patch)


_PATCHED = (
    ("spec", "template", "spec", "containers"), ("spec", "template", "spec", "initContainers"),
    ("spec", "template", "spec", "volumes"), ("spec",),
    ("metadata",), ("metadata", "labels"), ("metadata", "name"), ("metadata", "finalizers"), ("apiVersion",),
    ("kind",), ("spec", "replicas"),
    ("spec", "ports"), ("spec", "rules"), ("spec", "egress"), ("spec", "strategy"), ("spec", "selector"), ("data",),
    ("tags",), ("name",), ("policy",),
    ("bucket",), ("values",), ("spec", "template", "metadata", "labels"), ("spec", "tolerations"), ("region",),
    ("version",), ("subnetIds",), ("rules",),
)  # fmt: skip


def _patch_value(rng: Random) -> Json:
    value = deepcopy(rng.choice(SCALARS))
    if rng.random() < 0.4:
        value = [
            {
                "name": rng.choice(("vllm", "x", "weights", 3, None)),
                rng.choice(("env", "args", "image", "$patch", "ports")): value,
            }
        ]
    return value


def _merge_patch(rng: Random) -> dict[str, Any]:
    value = _patch_value(rng)
    path = rng.choice(_PATCHED)
    for part in reversed(path[1:]):
        value = {part: value}
    return {path[0]: value}


def _operation(rng: Random) -> dict[str, Any]:
    path = "/" + "/".join(rng.choice(_PATCHED))
    path += rng.choice(("", "", "/0", "/-", "/0/name", "/99", "/x", "/", "/~0", "/~2", "/-1", "/01", "/0/env/-"))
    if rng.random() < 0.05:
        path = rng.choice(("", "/", "x", "//", "/\u202e"))
    operation: dict[str, Any] = {
        "op": rng.choice(("add", "add", "replace", "remove", "move", "copy", "test")),
        "path": path,
    }
    if rng.random() < 0.8:
        operation["value"] = _patch_value(rng)
    if operation["op"] in ("move", "copy") or rng.random() < 0.1:
        operation["from"] = "/" + "/".join(rng.choice(_PATCHED))
    return operation


def _moved(rng: Random, tree: dict[str, Any], corpus: Corpus) -> None:
    names = [".".join(map(str, p)) for p in places(tree) if len(p) == 2]
    moved = tree.setdefault("moved", {})
    if isinstance(moved, dict) and names:
        new = rng.choice(names)
        section = new.partition(".")[0]
        old = rng.choice(
            (f"{section}.old", f"{section}.{'o' * 60}", f"{section}.Ö", f"{section}.", "x", new, rng.choice(names))
        )
        moved[old] = rng.choice((new, new, new, "x", section))


_ARGUMENTS = (
    "max-num-seqs", "max_num_seqs", "gpu-memory-utilization", "lora-modules", "compilation-config",
    "compilation-config.mode", "port", "-tp", "enable-lora", "no-enable-lora", "max-model-len", "kv-cache-dtype",
    "chat-template", "hf-overrides", "limit-mm-per-prompt", "middleware", "task", "", "é",
)  # fmt: skip
_ARGUMENT_VALUES: tuple[Json, ...] = ("16K", "1.5k", "auto", 0.9, '{"a": 1}', "{", "[", "nan", "inf", "١")


def _arguments(rng: Random, tree: dict[str, Any], corpus: Corpus) -> None:
    servers = tree.get("serving")
    entries = [s for s in servers.values() if isinstance(s, dict)] if isinstance(servers, dict) else []
    if not entries:
        return
    arguments = rng.choice(entries).setdefault("args", {})
    if isinstance(arguments, dict):
        arguments[rng.choice(_ARGUMENTS)] = deepcopy(rng.choice((*SCALARS, *_ARGUMENT_VALUES)))


def _gently(rng: Random, tree: dict[str, Any], corpus: Corpus) -> None:
    """Change one value to another of its type that is likely to be right."""
    found = [p for p in places(tree) if isinstance(at(tree, p), int | bool) or p[-1] in _LIKELY]
    if found:
        path = rng.choice(found)
        value = at(tree, path)
        choices: tuple[Json, ...] = _LIKELY.get(str(path[-1]), ())
        if not choices:
            choices = (not value,) if isinstance(value, bool) else (1, 2, 3, value + 1, value * 2, 16, 64)
        at(tree, path[:-1])[path[-1]] = deepcopy(rng.choice(choices))


_LIKELY: Mapping[str, tuple[Json, ...]] = {
    "name": ("a", "x" * 40, "other"),
    "region": ("eu-west-1", "us-west-2", "eu-central-1", "us-east-1"),
    "accelerator": ("nvidia-l4", "nvidia-h100-80gb", "nvidia-t4", "nvidia-b300", "nvidia-v100", "nvidia-rtx-pro-6000"),
    "instance": ("g6e.xlarge", "p5.48xlarge", "g5g.xlarge", "g4dn.xlarge", "p3dn.24xlarge", "g6e.48xlarge"),
    "capacity": (["spot"], ["on-demand"], ["on-demand", "spot"]),
    "contextLength": ("1k", 128, "8k"),
    "retention": ("1d", "100y", "36h"),
    "cidr": ("10.0.0.0/20", "192.168.0.0/16"),
    "account": ("000000000000", "999999999999"),
    "addons": ("managed", "existing", {"karpenter": "existing"}, {"gpu-operator": "managed"}),
    "labels": ({}, {"a": "b"}, {"team.example/tier": "x" * 63, "kubernetes.io/os": "linux"}),
    "env": ({}, {"HOME": "/x", "PATH": ""}, {"A": "\u202e"}),
    "args": (
        {},
        {"max-num-seqs": 8},
        {"enable-lora": False},
        {"lora-modules": ["a=/x", "b=/y"]},
        {"compilation-config": {"mode": 3}},
    ),
    "owner": ("", "a", "x" * 63),
    "engine": ("vllm", "triton", "tgi", "llama-cpp"),
    "quantization": ("fp8", "awq", "gptq"),
    "parallelism": ("auto", {"tensor": 2}, {"pipeline": 2}, {"tensor": 8, "pipeline": 2}, {"data": 2, "expert": True}),
    "sharing": (
        {"mode": "mps", "replicas": 2},
        {"mode": "time-slicing", "replicas": 4},
        {"mode": "mig", "profile": "1g.10gb"},
    ),
    "sites": ({"file": "shops.csv"}, {"file": "config.json"}, {"file": "gone.csv"}),
    "config": ("config.json", "shops.csv", "../config.json"),
    "requestsPerSecond": (1e-9, 0.5, 7, 1e9),
    "inputTokens": (1, 100_000, 2**62),
    "outputTokens": (1, 100_000, 2**62),
    "p95": ("1ms", "36ms", "7d"),
    "concurrency": (1, 4, 10**9),
    "targets": (["us-east-1"], ["dresden"], ["us-east-1", "us-east-1"]),
    "api": ({}, {"allow": []}, {"allow": ["0.0.0.1/32"]}),
    "taints": ([], [{"key": "a"}], [{"key": "nvidia.com/gpu", "effect": "NoExecute"}, {"key": "nvidia.com/gpu"}]),
}


_SHAPE: dict[str, Json] = {
    "family": "llama", "dtype": "bfloat16", "layers": 32, "hidden": 4096, "intermediate": 14336, "heads": 32,
    "kvHeads": 8, "headDim": 128, "vocab": 128256,
}  # fmt: skip
_SHAPES: tuple[Json, ...] = (
    {"config": "config.json"}, {"config": "k8s/priority-class.yaml"}, _SHAPE, _SHAPE | {"layers": 1, "hidden": 1},
    _SHAPE | {"kvHeads": 7}, _SHAPE | {"heads": 1, "kvHeads": 1, "headDim": 1, "vocab": 1, "intermediate": 1},
    _SHAPE | {"layers": 10**6, "hidden": 2**62, "vocab": 2**62}, _SHAPE | {"window": 1, "fullLayers": 32},
    _SHAPE | {"experts": {"total": 128, "active": 8, "intermediate": 768, "layers": 32}},
    _SHAPE | {"experts": {"total": 2, "active": 8, "intermediate": 1, "layers": 99}},
    _SHAPE | {"latent": {"qRank": 0, "kvRank": 512, "nopeHeadDim": 128, "ropeHeadDim": 64, "valueHeadDim": 128}},
    _SHAPE | {"encoder": True, "noHead": True, "labels": 3}, _SHAPE | {"vision": {"parameters": 10**15}},
    _SHAPE | {"crossLayers": 40, "nextTokenLayers": 99}, {"layers": 3},
)  # fmt: skip
"""Models of one's own; the first numbers are those of Llama 3.1 8B."""

_REQUESTS: tuple[Json, ...] = tuple(
    {"requestsPerSecond": rate, "inputTokens": given, "outputTokens": made}
    for rate in (1e-9, 1, 50, 1e9)
    for given, made in ((1, 1), (1500, 300), ("100k", 1), (2**62, 2**62))
)
_SETTINGS: tuple[tuple[str, str, tuple[Json, ...]], ...] = (
    ("models", "architecture", _SHAPES),
    ("models", "quantization", ("fp8", "awq", "gptq", "gguf", "none", "mxfp4", "int4")),
    ("models", "task", ("generate", "embed", "score", "classify", "x")),
    ("models", "weights", ("baked", "mirrored")),
    ("models", "size", ("1", "15Gi", "900Ti")),
    ("models", "contextLength", (1, "2k", "1000k", 2**62)),
    ("models", "file", ("a.gguf", "qwen2.5-1.5b-instruct-q8_0.gguf")),
    ("nodePools", "sharing", ({"mode": "mps", "replicas": 2}, {"mode": "time-slicing", "replicas": 1000},
                              {"mode": "mig", "profile": "1g.10gb"}, {"mode": "mig", "profile": "7g.80gb"},
                              {"mode": "mps"}, {"mode": "none"})),
    ("nodePools", "accelerator", ("none", "nvidia-t4", "nvidia-h100-80gb", "nvidia-b200", "nvidia-a100-80gb")),
    ("nodePools", "perNode", (1, 2, 3, 8)),
    ("serving", "engine", ("vllm", "triton", "tgi", "llama-cpp", "custom")),
    ("serving", "backend", ("vllm", "onnx", "tensorrt-llm", "python")),
    ("serving", "runtime", ("deployment", "kserve")),
    ("serving", "image", ("ghcr.io/acme/own@sha256:" + "a" * 64, "own:1")),
    ("serving", "parallelism", ("auto", {"tensor": 2}, {"tensor": 8, "pipeline": 2}, {"data": 4, "expert": True},
                                {"pipeline": 1000}, {"data": 10**9})),
    ("serving", "concurrency", (1, 64, 10**9)),
    ("serving", "replicas", (0, 1, 2, 10**9)),
    ("serving", "kvCache", ("auto", "fp8")),
    ("serving", "traffic", _REQUESTS),
    ("serving", "objectives", ({"availability": "99.9%"}, {"interTokenLatency": {"p95": "36ms"}},
                               {"timeToFirstToken": {"p95": "1ms"}}, {"interTokenLatency": {"p95": "9000d"}})),
    ("serving", "allowSinglePoint", (True, False)),
    ("targets", "sites", ({"file": "shops.csv"}, {"file": "config.json"},
                          [{"name": "a", "kubeContext": "a", "zone": "z"}],
                          [{"name": n, "kubeContext": "a", "zone": "z"} for n in ("a", "A", "a.b", "a")])),
    ("targets", "upstream", ("hub", "shops", "us-east-1", "x")),
    ("targets", "cache", ({"models": "1Ki"}, {"models": "20Gi"})),
    ("targets", "delivery", ("pulumi", "gitops")),
    ("targets", "addons", ("managed", "existing", {"kserve": "managed"}, {"lws": "existing"})),
)  # fmt: skip


def _settings(rng: Random, tree: dict[str, Any], corpus: Corpus) -> None:
    """Say one to four things of models, pools, servers and targets: sizes, shares, engines, sites."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        section, key, values = rng.choice(_SETTINGS)
        entries = tree.get(section)
        found = [e for e in entries.values() if isinstance(e, dict)] if isinstance(entries, dict) else []
        if found:
            rng.choice(found)[key] = deepcopy(rng.choice(values))


TREE_MUTATIONS: tuple[Callable[[Random, dict[str, Any], Corpus], None], ...] = (
    _retype, _rename, _remove, _spliced, _same_key_elsewhere, _overlay, _overlay, _patch, _patch, _patch, _moved,
    _arguments, _gently, _gently, _gently, _settings, _settings, _settings,
)  # fmt: skip


def written(rng: Random, tree: Json) -> bytes:
    """Return the tree as text: JSON, block or flow YAML."""
    form = rng.random()
    try:
        if form < 0.4:
            return json.dumps(tree, ensure_ascii=form < 0.2, indent=rng.choice((None, 1, 4))).encode(
                "utf-8", "surrogatepass"
            )
        text = yaml.safe_dump(
            tree,
            default_flow_style=form > 0.7,
            allow_unicode=form < 0.8,
            sort_keys=form < 0.9,
            width=rng.choice((40, 10_000)),
        )
        return str(text).encode("utf-8", "surrogatepass")
    except RecursionError:
        return b"{}"


# --- objects of one's own ---------------------------------------------------------------------------------------


def with_manifests(rng: Random, tree: dict[str, Any], corpus: Corpus) -> dict[str, bytes]:
    """Point the spec at a folder of mutated objects and return the folder."""
    files: dict[str, bytes] = {}
    for position in range(rng.choice((1, 1, 2, 4))):
        documents = []
        for _ in range(rng.choice((1, 1, 2, 3))):
            value = deepcopy(rng.choice(corpus.objects))
            if rng.random() < 0.7:
                mutation = rng.choice((_retype, _rename, _remove, _same_key_elsewhere))
                mutation(rng, value, corpus)
            documents.append(written(rng, value))
        data = b"\n---\n".join(documents)
        if rng.random() < 0.3:
            data = mutated_text(rng, data.decode("utf-8", "replace"), corpus.texts)
        name = rng.choice(
            (f"{position}.yaml", f"{position}.yml", f"{position}.json", f"{position}.txt", "é.yaml", "a b.yaml")
        )
        files[f"k8s/{name}"] = data
    entry: dict[str, Any] = {"dir": rng.choice(("k8s/",) * 9 + ("k8s", "./k8s", "k8s/.", ".", "k8s/../k8s", "/k8s"))}
    if rng.random() < 0.3:
        entry = {"file": rng.choice((next(iter(files)), "x.yaml", "../x", "."))}
    if rng.random() < 0.2:
        entry["targets"] = [rng.choice(("us-east-1", "dresden", "x"))]
    manifests = {rng.choice(("extras", "own")): entry}
    if rng.random() < 0.2:
        manifests["again"] = entry
    tree["manifests"] = manifests
    return files
