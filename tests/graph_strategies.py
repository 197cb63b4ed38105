"""Graphs, pairs of graphs and compilations for property tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from components.graph import Component, Format, Graph, JsonText, Node, Options, Ref, StackOutput, assemble
from components.resolve.platform import Explained
from stacks.compilation import Compilation, CompiledStack

TYPES = (
    "kubernetes:apps/v1:Deployment",
    "kubernetes:core/v1:ConfigMap",
    "kubernetes:core/v1:Service",
    "kubernetes:batch/v1:Job",
    "aws:ec2/vpc:Vpc",
    "aws:ec2/subnet:Subnet",
    "aws:s3/bucket:Bucket",
)
COMPONENTS = ("network", "serving.chat", "nodePools.l40s")
NAMES = ("a", "b", "c", "d")

keys = st.sampled_from(("spec", "metadata", "name", "replicas", "args", "data", "$ref", "nvidia.com/gpu", "ä"))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from(("", "x", "--a=1", "--a=2", "--b", "\x1b[31m", "long " * 30)),
)


def references_to(ids: tuple[str, ...]) -> st.SearchStrategy[Any]:
    """Return references, alone or inside text and JSON text, to these nodes and to outputs of a lower layer."""
    outputs = st.builds(StackOutput, st.just("foundation"), st.sampled_from(("vpcId", "role")))
    refs: st.SearchStrategy[Any] = outputs
    if ids:
        refs = st.one_of(outputs, st.builds(Ref, st.sampled_from(ids), st.sampled_from(("id", "name", "arn"))))
    texts = st.lists(st.one_of(st.sampled_from(("arn:", "/")), refs), max_size=3).map(tuple)
    return st.one_of(refs, st.builds(Format, texts), st.builds(JsonText, values(refs)))


def values(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return JSON values with these leaves, rich in lists whose entries have names."""

    def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        named = st.builds(
            lambda name, more: {**more, "name": name}, st.sampled_from(NAMES), st.dictionaries(keys, inner, max_size=2)
        )
        return st.one_of(
            st.lists(inner, max_size=4),
            st.lists(named, max_size=4, unique_by=lambda item: str(item["name"])),
            st.dictionaries(keys, inner, max_size=4),
        )

    return st.recursive(leaves, nested, max_leaves=8)


@st.composite
def graphs(draw: st.DrawFn, stack: str = "hello.default.here.workloads") -> Graph:
    """Draw a sound graph: a component tree, nodes that refer only to nodes before them, outputs."""
    chosen = sorted(draw(st.sets(st.sampled_from(COMPONENTS), min_size=1)))
    components = []
    for position, name in enumerate(chosen):
        parent = draw(st.sampled_from(("", *chosen[:position])))
        kind = draw(st.sampled_from(("llmform:a:A", "llmform:b:B")))
        aliases = draw(st.sampled_from(((), ("nodePools.old",))))
        components.append(Component(name, kind, name, parent, (name,), (f"words of {name}",), aliases))
    nodes: list[Node] = []
    for component in chosen:
        for name in sorted(draw(st.sets(st.sampled_from(NAMES), max_size=3))):
            nodes.append(draw(_nodes(component, name, tuple(n.id for n in nodes))))
    ids = tuple(n.id for n in nodes)
    outputs = draw(
        st.dictionaries(st.sampled_from(("vpcId", "role")), st.one_of(scalars, references_to(ids)), max_size=2)
    )
    return assemble(stack, components, nodes, outputs)


@st.composite
def _nodes(draw: st.DrawFn, component: str, name: str, earlier: tuple[str, ...]) -> Node:
    inputs: Mapping[str, Any] = draw(
        st.dictionaries(keys, values(st.one_of(scalars, references_to(earlier))), max_size=4)
    )
    options = Options(
        protect=draw(st.booleans()),
        delete_before_replace=draw(st.booleans()),
        ignore_changes=draw(st.sampled_from(((), ("spec",), ("metadata.name",)))),
        replace_on_changes=draw(st.sampled_from(((), ("spec.args",)))),
        aliases=draw(st.sampled_from(((), ("network/Kind/a",), ("gone/Kind/x",)))),
    )
    needs = tuple(draw(st.lists(st.sampled_from(earlier), max_size=2, unique=True))) if earlier else ()
    provider = draw(st.sampled_from(("", *earlier)))
    kind = draw(st.sampled_from(TYPES))
    return Node(f"{component}/Kind/{name}", kind, inputs, component, component, provider, needs, options)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Graph, Graph]:
    """Draw two graphs of one stack: two of their own, or the second is the first with a few inputs changed."""
    before = draw(graphs())
    if draw(st.booleans()):
        return before, draw(graphs())
    nodes = list(before.nodes)
    for position, node in enumerate(nodes):
        if draw(st.booleans()):
            inputs = {**node.inputs, draw(keys): draw(values(scalars))}
            nodes[position] = replace(node, inputs=inputs)
    return before, replace(before, nodes=tuple(nodes))


def compilation(graph: Graph, values_: Mapping[str, Explained] | None = None, **more: str) -> Compilation:
    """Return a compilation of this one stack."""
    spec, environment, target, layer = graph.stack.split(".")
    stack = CompiledStack(spec, environment, target, layer, "somewhere", values_ or {}, graph)
    return Compilation(more.get("compiler", "1.0.0"), more.get("edition", "2026-11"), spec, "0" * 64, (stack,))
