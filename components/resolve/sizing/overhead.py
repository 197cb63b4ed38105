"""Memory beside weights and cache: activations, CUDA graphs, what CUDA and NCCL keep, adapters.

vLLM publishes no formulas for these. It runs the model once with the most tokens and once the sampler with the most
requests, and takes the peak; so do these formulas, with the tensors that are alive then. Fitted to 49 published runs;
the errors are in docs/concepts/sizing.md. Each line is marked.
"""

from __future__ import annotations

from typing import NamedTuple

from components.resolve.sizing.engine import Adapters, captured_sizes
from components.resolve.sizing.layouts import Layout, kv_heads_per_gpu
from components.resolve.sizing.terms import KIB, MIB, Line
from specs.catalog.architecture import Architecture
from specs.catalog.devices import Overheads

CHUNK = 32_768
"""Tokens of all data ranks that the mixture's kernels take at once; assumed, as `VLLM_FUSED_MOE_CHUNK_SIZE` once
was."""

LATENT_WORKSPACE = 64 * 1024
"""Most tokens of the cache that are unfolded at once while a prompt is read (`MLACommonMetadataBuilder`)."""


class Step(NamedTuple):
    """The largest step of the engine."""

    tokens: int
    requests: int
    element: int
    """Bytes of an activation."""


def activations(a: Architecture, layout: Layout, step: Step, context: int, o: Overheads, *, head: bool) -> Line:
    """Return the peak of one step, on a GPU of the stage with the head or of one without."""
    t, e, size = step.tokens, a.experts, step.element
    into = 2 if a.gated_mlp else 1
    width = a.intermediate if e is None or e.layers < a.layers else e.shared_intermediate
    streams = 2 if layout.pipeline == 1 else 4  # a pipeline also holds what it receives
    forward = t * size * (streams * a.hidden + (into + 1) * width // layout.tensor)
    if a.latent is not None:
        m = a.latent
        unfolded = min(max(8 * context, 4 * step.requests * 16), LATENT_WORKSPACE)
        per_token = a.heads // layout.tensor * (m.nope_head_dim + m.value_head_dim)
        forward = max(forward, t * size * streams * a.hidden + unfolded * per_token * size)
    workspace = _workspace(a, layout, step)
    sampler = step.requests * a.vocab * o.bytes_per_logit + t * a.hidden * size if head and not a.encoder else 0
    peak = max(forward, sampler) + workspace + o.activation_mib * MIB
    inputs: list[tuple[str, str | int | float]] = [
        ("tokens a step", t), ("requests a step", step.requests), ("vocabulary", a.vocab), ("hidden", a.hidden),
        ("forward", forward), ("sampler", sampler),
    ]  # fmt: skip
    formula = (
        f"larger of forward (tokens x bytes x ({streams} hidden + {into + 1} x MLP width / tensor)) and sampler "
        f"(requests x vocabulary x {o.bytes_per_logit} + tokens x hidden x bytes), + {o.activation_mib} MiB"
    )
    if workspace:
        inputs.append(("experts' workspace", workspace))
        formula += " + experts' workspace"
    return Line("activations", formula, tuple(inputs), peak, o.source, "estimate")


def _workspace(a: Architecture, layout: Layout, step: Step) -> int:
    """Return the buffers that the experts' kernels keep: a row for each token and expert it goes to, before and after
    the activation; with data parallelism the tokens of all ranks arrive."""
    if a.experts is None:
        return 0
    e = a.experts
    width = e.intermediate if layout.expert else e.intermediate // layout.expert_ranks
    rows = min(step.tokens * layout.data, CHUNK) * e.active
    return rows * step.element * (max(2 * width, a.hidden) + width)


def graphs(layers: int, requests: int, o: Overheads) -> Line:
    """Return the CUDA graphs of a stage; the engine counts them since vLLM 0.21."""
    sizes = captured_sizes(requests)
    size = o.graphs_mib * MIB + sizes * layers * o.graphs_kib_per_layer * KIB
    return Line(
        "CUDA graphs",
        f"{o.graphs_mib} MiB + captured sizes x layers x {o.graphs_kib_per_layer} KiB",
        (("captured sizes", sizes), ("layers", layers)),
        size,
        o.source,
        "estimate",
    )


def runtime(layout: Layout, o: Overheads) -> Line:
    """Return what libraries allocate outside PyTorch in the first step: handles, and NCCL's buffers with a split."""
    several = layout.tensor > 1 or layout.data > 1
    mib = o.runtime_several_mib if several else o.runtime_one_mib
    formula = "NCCL and all-reduce buffers, library handles" if several else "library handles"
    return Line("CUDA and NCCL", formula, (("MiB", mib),), mib * MIB, o.source, "measured")


def context(layout: Layout, o: Overheads) -> Line:
    """Return what is gone before vLLM takes its first reading: not in its budget, but the budget has to be free."""
    mib = o.context_several_mib if layout.gpus > 1 else o.context_one_mib
    return Line("CUDA context", "outside the engine's budget", (("MiB", mib),), mib * MIB, o.source, "measured")


def adapters(a: Architecture, layout: Layout, layers: int, given: Adapters, element: int) -> Line:
    """Return the slots for LoRA adapters: A is copied where a matrix is cut by outputs, B where it is cut by inputs
    (vllm/lora/layers, without `--fully-sharded-loras`). Routed experts are not adapted."""
    t = layout.tensor
    numbers = 0
    if given.attention:
        query, key = a.heads * a.head_dim // t, kv_heads_per_gpu(a, t) * a.head_dim
        numbers += 3 * a.hidden + query + 2 * key  # q, k, v
        numbers += query + a.hidden  # output
    if given.mlp:
        width = a.intermediate // t
        numbers += (2 if a.gated_mlp else 1) * (a.hidden + width) + width + a.hidden
    size = given.slots * given.rank * layers * numbers * element
    return Line(
        "adapters",
        "slots x rank x layers x (inputs + outputs of the adapted matrices on this GPU) x bytes",
        (("slots", given.slots), ("rank", given.rank), ("layers", layers), ("inputs + outputs", numbers)),
        size,
        "vllm/lora/layers",
    )
