"""A layer's manifests as the text of files, each with a first line that says who wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.graph import Node
from stacks.manifest_layer import File, ManifestLayer
from stacks.render.kubernetes_yaml import yaml_text

KUSTOMIZATION = "kustomization.yaml"


def mark(path: str, stack: str) -> str:
    """Return the first line of a file: with it a later run knows its own files, and a copy under another name is
    nobody's but the user's."""
    return f"# {path}: written by `llmform render` from {stack}; edits are lost, change the spec"


def manifest_files(layer: ManifestLayer, stack: str) -> dict[str, str]:
    """Return the files by path, in the order in which they should be written: a list of files after those it names."""
    files = {f.path: _file(f.path, stack, f.content) for wave in layer.waves for f in wave}
    waves = layer.waves or ((),)
    return files | {path: _file(path, stack, _kustomization(wave)) for wave in waves for path in [_list_of(wave)]}


def _list_of(wave: tuple[File, ...]) -> str:
    folder, slash, _ = wave[0].path.rpartition("/") if wave else ("", "", "")
    return f"{folder}{slash}{KUSTOMIZATION}"


def _kustomization(wave: tuple[File, ...]) -> Mapping[str, Any]:
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [f.path.rpartition("/")[2] for f in wave],
        # without it kustomize sorts by kind; known since kustomize 5.0 (kubectl 1.27)
        "sortOptions": {"order": "fifo"},
    }


def _file(path: str, stack: str, content: Mapping[str, Any]) -> str:
    return f"{mark(path, stack)}\n{yaml_text(content)}"


def manifest_summary(
    layer: ManifestLayer, stack: str, folder: str, written: Sequence[str], removed: Sequence[str]
) -> str:
    """Return what was written, what is not in the folder, and how it is applied."""
    objects = sum(len(wave) for wave in layer.waves)
    files = f"{_count(len(written), 'file')} written, {len(removed)} removed"
    lines = [f"{stack}: {_count(objects, 'object')} in {folder}; {files}"]
    if layer.releases:
        lines += [
            "",
            f"not in it, {_count(len(layer.releases), 'Helm release')} (`--helm` writes them as objects):",
        ]
        lines += [line for node, needed_by in layer.releases for line in _release_lines(node, needed_by)]
    if layer.elsewhere:
        lines += ["", f"not in it, {_count(len(layer.elsewhere), 'resource')} that no manifest can say:"]
        lines += [f"  {node.id}  {node.type}" for node in layer.elsewhere]
    if layer.unsaid:
        lines += ["", "not said by these objects, since they have no field for it:"]
        lines += [f"  {node}  {', '.join(names)}" for node, names in layer.unsaid]
    lines += ["", *_how_to_apply(layer, folder)]
    return "\n".join(lines) + "\n"


def _release_lines(node: Node, needed_by: Sequence[str]) -> Iterator[str]:
    inputs = node.inputs
    source = (inputs.get("repositoryOpts") or {}).get("repo", "")
    chart = f"{inputs['chart']} of {source}" if source else inputs["chart"]
    yield f"  {node.id}  {inputs['version']}, chart {chart}, in {inputs['namespace']}"
    if needed_by:
        yield f"    has to be there before {', '.join(needed_by)}"


def _how_to_apply(layer: ManifestLayer, folder: str) -> Iterator[str]:
    yield f"apply: kubectl apply --server-side -k {folder}"
    for before, wave in zip(layer.waves, layer.waves[1:], strict=False):
        kinds = {f.content["kind"] for f in before}
        jobs = ["its Jobs are complete"] if "Job" in kinds else []
        releases = ["its Helm releases are ready"] if kinds & {"HelmRelease", "HelmChart"} else []
        below = wave[0].path.partition("/")[0]
        yield f"then, when {' and '.join(jobs + releases)}: kubectl apply --server-side -k {folder}/{below}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
