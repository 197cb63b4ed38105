"""A vLLM server that KServe runs: an LLMInferenceService in place of the Deployment.

Everything else stays: Service, PodDisruptionBudget, NetworkPolicy and ServiceAccount are llmform's own, so clients find
the server where it was. KServe makes no budget, and its own Service has another name and port.

What KServe v0.20.0 does with it (pkg/controller/v1alpha2/llmisvc):
- The pod template is merged over the preset `kserve-config-llm-template`, containers by name: vLLM's must be `main`.
  Lists of words (`command`, `args`) are ours whole; maps are merged key by key, so what the preset says and we do not
  stays. The preset's probes may ask over HTTPS, which is why ours say `scheme`.
- `app.kubernetes.io/name`, `component` and `part-of` of the pods are KServe's, and its Deployment selects by them;
  `spec.labels` must not touch these.
- `storageInitializer` off: the weights come from the mirror, as everywhere.
- Its Deployment has the default rolling update, 25 % and 25 %: the resource has no field for it.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil, floor
from typing import Any

from components.manifests import pod_labels
from components.resolve.platform import Platform, Server
from components.workloads.engines.contract import Container
from components.workloads.server_pod import pod
from components.workloads.workload import SERVER_LABEL, Workload

API_VERSION = "serving.kserve.io/v1alpha2"
"""The storage version of KServe v0.20.0, which serves v1alpha1 too."""

_KSERVES_OWN = ("app.kubernetes.io/name", "app.kubernetes.io/component", "app.kubernetes.io/part-of")


def lower_kserve(platform: Platform, server: Server, container: Container, metadata: dict[str, Any]) -> Workload:
    """Return the LLMInferenceService of a vLLM server. `metadata` is that which a Deployment would have."""
    selector = {SERVER_LABEL: server.object_name}
    spec = pod(platform, server, replace(container, name="main"), metadata, selector)
    [engine] = spec["containers"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        engine[probe]["httpGet"]["scheme"] = "HTTP"
    labels = {k: v for k, v in pod_labels(metadata["labels"]).items() if k not in _KSERVES_OWN}
    manifest = {
        "apiVersion": API_VERSION,
        "kind": "LLMInferenceService",
        "metadata": metadata,
        "spec": {
            "model": {
                "name": server.object_name,
                "uri": f"hf://{server.weights.repository}:{server.weights.revision}",
            },
            "replicas": server.replicas,
            "storageInitializer": {"enabled": False},
            "labels": labels | selector,
            "template": spec,
        },
    }
    surge, unavailable = ceil(server.replicas / 4), floor(server.replicas / 4)
    notes: tuple[str, ...] = ("KServe v0.20.0 or later with LLMInferenceService has to be there",)
    if unavailable == 0 and server.rollout.max_surge == 0:
        # with fewer than four replicas it takes none away before a new one is there
        notes += (
            f"every update stalls: KServe starts {surge} more first, and the pool has no room for it; raise "
            f"`nodePools.{server.pool.name}.max`",
        )
    return Workload(
        manifest=manifest,
        pods=selector,
        answers=selector,
        rollout=f"KServe's rolling update with maxSurge {surge}, maxUnavailable {unavailable}",
        notes=notes,
    )
