"""What a target without a network needs brought to it: every image, chart and weight that its stacks name.

From the graphs, as they will be deployed. What nobody can know without the network is said to be unknown, never left
out: sizes of images, digests of tags, and the images that a chart or a managed add-on brings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from components.graph import Graph, Node
from policies.pods import containers, pod_specs
from policies.resources import of_graph
from specs.load import Case, Loaded
from stacks.compilation import Compilation, CompiledStack
from stacks.compile import case_of

RELEASE = "kubernetes:helm.sh/v3:Release"
HELM_CHART = "kubernetes:helm.cattle.io/v1:HelmChart"


@dataclass(frozen=True, slots=True)
class Image:
    """An image: its reference, the digest if it has one, the processors it is needed for, and the nodes that run it."""

    reference: str
    digest: str
    platforms: tuple[str, ...]
    used_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A Helm chart. Which images it runs is in the chart alone: `helm template` lists them."""

    name: str
    repository: str
    version: str
    used_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Weight:
    """A model's weights: `file` is empty for all files of the revision, `size` is in bytes, 0 if it is not known,
    `place` where the Jobs of the target read them."""

    model: str
    source: str
    revision: str
    file: str
    size: int
    sha256: str
    place: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything that the stacks name. `unknown` says in sentences what no graph can know."""

    stacks: int
    images: tuple[Image, ...]
    charts: tuple[Chart, ...]
    weights: tuple[Weight, ...]
    unknown: tuple[str, ...]

    @property
    def weight_bytes(self) -> int:
        """The sum of the sizes that are known."""
        return sum(w.size for w in self.weights)


def bundle(compilation: Compilation, loaded: Loaded) -> Bundle:
    """Return what the stacks of the compilation need. `loaded` has the sources of their models."""
    images: dict[str, tuple[set[str], set[str]]] = {}
    charts: dict[tuple[str, str, str], set[str]] = {}
    weights: dict[tuple[str, str, str], Weight] = {}
    unknown: set[str] = set()
    for stack in _told(compilation.stacks):
        case = case_of(loaded, stack.environment, stack.target)
        assert case is not None
        provider = case.spec.targets[case.target].provider
        arch = getattr(case.spec.targets[case.target], "arch", None)
        both = ("amd64", "arm64") if provider == "edge" else ()
        for reference, node in _images(stack.graph):
            platforms, users = images.setdefault(reference, (set(), set()))
            platforms.update((arch,) if arch else both)
            users.add(node)
        for chart, node in _charts(stack.graph):
            charts.setdefault(chart, set()).add(node)
        for weight in _weights(case, stack):
            weights.setdefault((weight.model, weight.revision, weight.place), weight)
        unknown.update(_unknown(stack, provider, bool(charts)))
    found = [Image(r, r.partition("@")[2], tuple(sorted(p)), tuple(sorted(u))) for r, (p, u) in sorted(images.items())]
    if any(not image.digest for image in found):
        unknown.add("a tag without a digest can name another image tomorrow: resolve it when you copy the image")
    if found:
        unknown.add("the sizes of images: a registry says them for each processor")
    return Bundle(
        len(compilation.stacks),
        tuple(found),
        tuple(Chart(n, r, v, tuple(sorted(u))) for (n, r, v), u in sorted(charts.items())),
        tuple(weights[key] for key in sorted(weights)),
        tuple(sorted(unknown)),
    )


def _told(stacks: Iterable[CompiledStack]) -> Iterator[CompiledStack]:
    """Yield the stacks, of many sites with one graph only the first."""
    seen: set[tuple[str, str, int]] = set()
    for stack in stacks:
        key = (stack.environment, stack.target, id(stack.common or stack.graph))
        if key not in seen:
            seen.add(key)
            yield stack


def _images(graph: Graph) -> Iterator[tuple[str, str]]:
    for resource in of_graph(graph):
        for spec in pod_specs(resource):
            for container in containers(spec):
                image = container.at("image").value
                if isinstance(image, str):
                    yield image, resource.name


def _charts(graph: Graph) -> Iterator[tuple[tuple[str, str, str], str]]:
    for node in graph.nodes:
        if node.type == RELEASE:
            repository = (node.inputs.get("repositoryOpts") or {}).get("repo", "")
            yield (str(node.inputs["chart"]), str(repository), str(node.inputs.get("version", ""))), node.id
        elif node.type == HELM_CHART:
            spec: Mapping[str, Any] = node.inputs["spec"]
            yield (str(spec["chart"]), str(spec.get("repo", "")), str(spec.get("version", ""))), node.id


def _weights(case: Case, stack: CompiledStack) -> Iterator[Weight]:
    for node in stack.graph.nodes:
        name = node.component.removeprefix("models.")
        place = _source_of(node)
        if name == node.component or name not in case.spec.models or not place:
            continue
        model = case.spec.models[name]
        size = stack.values.get(f"models.{name}.size")
        known = size.value if size is not None and isinstance(size.value, int) else 0
        yield Weight(name, model.source, model.revision, model.file or "", known, model.sha256 or "", place)


def _source_of(node: Node) -> str:
    """Return where a mirror Job reads from."""
    if node.inputs.get("kind") != "Job":
        return ""
    arguments = node.inputs["spec"]["template"]["spec"]["containers"][0]["args"]
    return next((str(a).removeprefix("--from=") for a in arguments if str(a).startswith("--from=")), "")


def _unknown(stack: CompiledStack, provider: str, has_charts: bool) -> Iterator[str]:
    if has_charts:
        yield "the images that charts run: `helm template CHART` lists them"
    if provider == "edge":
        yield "k3s itself: its air-gap archive of images belongs to the release of k3s that you install"
    if stack.layer == "foundation":
        yield "the images of EKS add-ons and of nodes: they come from AWS, in the region of the cluster"
