"""A Helm Release as an object that a controller in the cluster installs: Flux's HelmRelease, or the HelmChart of k3s,
RKE2 and helm-controller. The release's name and namespace stay, so either can take over a release from Pulumi.

Fields: fluxcd/helm-controller v1.4.0 `api/v2` and fluxcd/source-controller v1.7.0 `api/v1` (Flux 2.7, the first with
`strategy`); k3s-io/helm-controller v0.17.7 with its `pkg/controllers/chart`; read 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stacks.render.kubernetes_yaml import yaml_text

RELEASE = "kubernetes:helm.sh/v3:Release"

INTERVAL = "10m"
"""How often Flux looks whether a release is as it should be. Versions are pinned, so nothing new is ever found."""

RETRIES = 3
"""How often Flux tries again after a failure: a cluster that is being set up lacks nodes for some minutes. It is what
Flux's own examples use."""


@dataclass(frozen=True, slots=True)
class HelmObjects:
    """The objects of one Release, in the order in which they are applied.

    `unsaid` are inputs of the Release that the form has no field for; `refused` is one that it would go wrong without.
    """

    objects: tuple[dict[str, Any], ...]
    unsaid: tuple[str, ...] = ()
    refused: str = ""


Form = Callable[[Mapping[str, Any], Iterable[tuple[str, str]]], HelmObjects]
"""Makes the objects from a Release's inputs (plain JSON) and the releases (namespace, name) that have to be ready
before."""


def helm_release(inputs: Mapping[str, Any], after: Iterable[tuple[str, str]]) -> HelmObjects:
    """Return Flux's HelmRelease with the HelmRepository that it reads, both called and placed as the release."""
    url, chart = _source(inputs)
    metadata = {"name": inputs["name"], "namespace": inputs["namespace"]}
    source = {"url": url, "interval": INTERVAL} | ({"type": "oci"} if url.startswith("oci://") else {})
    spec: dict[str, Any] = {
        "interval": INTERVAL,
        "releaseName": inputs["name"],
        "chart": {
            "spec": {
                "chart": chart,
                "version": inputs["version"],
                "sourceRef": {"kind": "HelmRepository", "name": inputs["name"]},
            }
        },
    }
    if inputs.get("timeout"):
        spec["timeout"] = f"{inputs['timeout']}s"
    if inputs.get("maxHistory"):
        spec["maxHistory"] = inputs["maxHistory"]
    spec |= _actions(inputs)
    waits = [{"name": name, "namespace": namespace} for namespace, name in sorted(after)]
    if waits:
        spec["dependsOn"] = waits
    if inputs.get("values"):
        spec["values"] = inputs["values"]
    repository = {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "HelmRepository"}
    release = {"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease"}
    return HelmObjects(
        (repository | {"metadata": metadata, "spec": source}, release | {"metadata": metadata, "spec": spec}),
        _unsaid(inputs, _SAID_BY_FLUX),
    )


_SAID_BY_FLUX = frozenset({"timeout", "maxHistory", "skipCrds", "skipAwait", "disableOpenapiValidation", "atomic"})


def _actions(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return how Flux installs and upgrades."""
    both: dict[str, Any] = {}
    if inputs.get("skipCrds"):
        both["crds"] = "Skip"
    if inputs.get("skipAwait"):
        both["disableWait"] = True
    if inputs.get("disableOpenapiValidation"):
        both["disableOpenAPIValidation"] = True
    install, upgrade = dict(both), dict(both)
    if inputs.get("atomic"):
        install["remediation"] = {"retries": RETRIES}
        upgrade["remediation"] = {"retries": RETRIES, "strategy": "rollback"}
    else:
        # No remediation: between two tries of an install it uninstalls, and with a chart of CRDs that would delete
        # every object of theirs. Without a word Flux never tries again; this retries as an upgrade, every 5 minutes.
        install["strategy"] = upgrade["strategy"] = {"name": "RetryOnFailure"}
    return {"install": install, "upgrade": upgrade}


def helm_chart(inputs: Mapping[str, Any], after: Iterable[tuple[str, str]]) -> HelmObjects:
    """Return the HelmChart of helm-controller, called and placed as the release; its name is the release's name."""
    url, chart = _source(inputs)
    spec: dict[str, Any] = {"version": inputs["version"], "targetNamespace": inputs["namespace"]}
    spec |= {"chart": f"{url}/{chart}"} if url.startswith("oci://") else {"chart": chart, "repo": url}
    if inputs.get("timeout"):
        spec["timeout"] = f"{inputs['timeout']}s"
    # The controller's default uninstalls the release when an upgrade fails, and installs it anew.
    spec["failurePolicy"] = "retry"
    if inputs.get("values"):
        spec["valuesContent"] = yaml_text(inputs["values"])
    manifest = {
        "apiVersion": "helm.cattle.io/v1",
        "kind": "HelmChart",
        "metadata": {"name": inputs["name"], "namespace": inputs["namespace"]},
        "spec": spec,
    }
    refused = ""
    if inputs.get("skipCrds"):
        refused = "a HelmChart cannot leave out the CRDs in the chart's `crds/`, which another release brings"
    elif any(True for _ in after):
        refused = "a HelmChart cannot wait for another release"
    return HelmObjects((manifest,), _unsaid(inputs, frozenset({"timeout"})), refused)


FORMS: Mapping[str, Form] = {"helmrelease": helm_release, "helmchart": helm_chart}
"""The forms by the word that `llmform render --helm` takes."""

_NOT_OPTIONS = frozenset({"name", "namespace", "version", "chart", "repositoryOpts", "values"})


def _unsaid(inputs: Mapping[str, Any], said: frozenset[str]) -> tuple[str, ...]:
    """Return the inputs that ask for something which the form has no field for."""
    return tuple(sorted(k for k, v in inputs.items() if v and k not in said | _NOT_OPTIONS))


def _source(inputs: Mapping[str, Any]) -> tuple[str, str]:
    """Return the repository's URL and the chart's name in it."""
    repository = (inputs.get("repositoryOpts") or {}).get("repo", "")
    if repository:
        return repository, inputs["chart"]
    url, _, chart = inputs["chart"].rpartition("/")
    return url, chart
