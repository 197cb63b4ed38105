"""Every default of the language and every assumption behind a computed one, in one place, each with its reason.

`llmform explain` prints the reasons. An edition freezes them: a change here is a new edition.
"""

from __future__ import annotations

GIB = 1024**3

CONTEXT_LENGTH = 16_384
"""Tokens. Reason below; never more than the model was trained for."""
CONTEXT_REASON = "16k tokens hold most chats; a longer context costs GPU memory for every request"

MIRRORED_REASON = "a new revision then needs no new image, and the hub's token stays in the cluster"

REPLICAS_REASON = "one replica unless the spec says more"

CPU_BASE_CORES, CPU_CORES_PER_GPU = 2, 1
CPU_REASON = (
    "2 cores for the API server and the engine core, 1 for each GPU's worker "
    "(vLLM, Optimization and Tuning: at least 2 + N for N GPUs)"
)

MEMORY_BASE, MEMORY_PER_GPU = 4 * GIB, 4 * GIB
SHARED_MEMORY_PER_GPU = 2 * GIB
MEMORY_REASON = (
    "estimate: 4 GiB + (4 GiB + 2 GiB shared memory) for each GPU; weights are mapped from disk, so their pages can "
    "be dropped. "
    "Three processes without CUDA took 2.7 GB (recorded, vLLM 0.32.0, 2026-11-21)"
)

DAEMON_CPU_MILLIS, DAEMON_MEMORY = 300, GIB // 2
"""What the node's own pods take (CNI, kube-proxy, CSI, Pod Identity, device plugin): sum of their add-ons'
requests, rounded up."""

READ_BYTES_PER_SECOND = 250_000_000
"""Assumed: reading weights from the node's disk or a shared volume into the GPU; a gp3 volume gives up to 1,000
MiB/s."""

FETCH_BYTES_PER_SECOND = 200_000_000
"""Assumed: copying weights from S3 to the node's disk; a g6e.xlarge has 2.5 Gbit/s, which is 312 MB/s."""

MIRROR_BYTES_PER_SECOND = 20_000_000
"""Assumed, low: copying weights from the hub, over the internet."""

SITE_BYTES_PER_SECOND = 2_000_000
"""Assumed, low: copying weights to a site, over a line of 16 Mbit/s."""

ENGINE_START_SECONDS = 300
"""Assumed: imports, compilation and CUDA graphs of vLLM, without the weights (27 to 68 s were recorded without a
GPU)."""

NODE_SECONDS, IMAGE_SECONDS = 300, 300
"""Assumed: an EC2 GPU node joins; an engine image of about 10 GB is pulled and unpacked."""

DRAIN_SECONDS = 120
PRE_STOP_SECONDS = 15
TEARDOWN_SECONDS = 30
DRAIN_REASON = "requests in flight get 120 s to finish after 15 s in which the endpoint leaves the Service"

PRICE_SPREAD_PERCENT = 150
INSTANCES_REASON = (
    "the types with {gpus} × {accelerator} a node that hold every server of the pool and cost at most 1.5 times the "
    "cheapest of them: several types make it likelier that EC2 has one"
)
"""Prices: on demand, us-east-1, of the edition."""

GENERAL_REASON = (
    "the types without GPU that have as many cores and as much memory, hold every server of the pool and cost at most "
    "1.5 times the cheapest of them: several types make it likelier that EC2 has one"
)

OWN_PORT, OWN_HEALTH_PATH = 8000, "/healthz"
OWN_REASON = "what the reference in serving_images/custom/reference does"
