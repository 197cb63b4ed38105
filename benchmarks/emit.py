"""What the emitter costs beyond the SDK under it, as ratios measured in one run.

    python benchmarks/emit.py            the figures: two to three minutes
    python benchmarks/emit.py --smoke    one round of each, to see that the benchmark works

All stacks of an example are emitted into the in-process engine, in turn with as many bare `CustomResource`s: the same
types, names and inputs as plain values, without components, options, dependencies, outputs or exports. The goal is a
ratio of at most 1.3. Nothing here fails on a time: machines differ, and the reader judges.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import pulumi  # noqa: E402

from components.emit import emit  # noqa: E402
from components.graph import Component, Graph, Node, assemble  # noqa: E402
from components.graph_json import encode_value  # noqa: E402
from tests.monitor.deploy import stacks_of  # noqa: E402
from tests.monitor.run import run  # noqa: E402

VERSIONS = {"aws": "7.51.1", "kubernetes": "4.34.2"}


def three_hundred() -> Graph:
    """Return 300 Deployments in 30 components under one provider, as a platform of thirty model servers has."""
    [stack] = stacks_of(ROOT / "specs" / "examples" / "on-prem.yaml")
    provider = next(n for n in stack.graph.nodes if n.type.startswith("pulumi:providers:"))
    server = next(n for n in stack.graph.nodes if n.type.endswith(":Deployment"))
    target = stack.graph.component(provider.component)
    components = [Component(f"serving.s{n}", "llmform:serving:ModelServer", "serving") for n in range(30)]
    nodes = [
        Node(f"{c.id}/Deployment/d{n}", server.type, server.inputs, c.id, "serving", provider=provider.id)
        for c in components
        for n in range(10)
    ]
    return assemble("three-hundred", [target, *components], [provider, *nodes], {})


def bare(graph: Graph) -> None:
    """Register as many resources as the graph has, with plain inputs of the same size, and nothing else."""
    for node in graph.nodes:
        inputs: Mapping[str, Any] = encode_value(node.inputs)
        if node.type.startswith("pulumi:providers:"):
            pulumi.ProviderResource(node.type.rpartition(":")[2], node.id, inputs)
        else:
            pulumi.CustomResource(node.type, node.id, inputs)


def seconds(program: Callable[[], None], stack: str) -> float:
    """Return the processor time of one run, the in-process engine's share included; it begins without garbage."""
    gc.collect()
    before = time.process_time()
    recorded = run(program, stack=stack)
    took = time.process_time() - before
    if recorded.error:
        raise RuntimeError(recorded.error)
    return took


def whole(graph: Graph) -> None:
    """Emit the graph and export its outputs, as the Pulumi program does once it has compiled the spec."""
    for name, value in emit(graph, lambda layer, name: f"{layer}.{name}", VERSIONS).items():
        pulumi.export(name, value)


def measure(name: str, graphs: tuple[Graph, ...], rounds: int) -> None:
    """Print the ratio of some graphs together, each emitted and registered by hand in turn.

    A round of a small example is several runs of it, 300 resources at least, so that it is long enough to be measured.
    """
    nodes, components = sum(len(g.nodes) for g in graphs), sum(len(g.components) for g in graphs)
    runs = ceil(300 / nodes) if rounds > 1 else 1
    ratios, times = [], []
    for _ in range(rounds):
        emitted = alone = 0.0
        for graph in graphs * runs:
            emitted += seconds(partial(whole, graph), graph.stack)
            alone += seconds(partial(bare, graph), graph.stack)
        ratios.append(emitted / alone)
        times.append(emitted * 1000 / runs)
    spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    size = f"{len(graphs)} stacks {nodes:>4} nodes {components:>3} components"
    print(f"  {name:<14} {size}  {spread} times  {statistics.median(times):5.0f} ms on this machine")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="What the emitter costs beyond the SDK, as ratios.")
    parser.add_argument("--smoke", action="store_true", help="one round of each")
    rounds = 1 if parser.parse_args().smoke else 7
    examples = sorted((ROOT / "specs" / "examples").glob("*.yaml"))
    graphs = {path.stem: tuple(s.graph for s in stacks_of(path)) for path in examples}
    graphs["three hundred"] = (three_hundred(),)
    run(lambda: None, stack="warm")  # first use of the SDK
    print(f"emit: processor time of the emitter / of bare CustomResources, {rounds} rounds, median (min to max)")
    for name, found in graphs.items():
        measure(name, found, rounds)


if __name__ == "__main__":
    main()
