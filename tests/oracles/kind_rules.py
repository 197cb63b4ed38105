"""What the API server enforces beyond the schema, kind by kind.

Source: `pkg/apis/{apps,batch,core,policy,networking,autoscaling,rbac}/validation` of Kubernetes 1.34.
Each rule is a function of the manifest, entered in `RULES` under the kinds that it judges.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from . import names
from .metadata_rules import label_problems, selector_problems, selects
from .placeholders import is_placeholder
from .pod_rules import pod_problems, port_reference_problems, template_problems
from .quantity import amount
from .schema import child

Manifest = Mapping[str, Any]

_PERCENT = re.compile(r"(100|[0-9]{1,2})%")
_CRON_FIELD = r"[0-9A-Za-z*,/?-]+"
_CRON = re.compile(rf"@(yearly|annually|monthly|weekly|daily|midnight|hourly)|{_CRON_FIELD}( +{_CRON_FIELD}){{4}}")
_CONFIG_BYTES = 1024 * 1024


def _spec(manifest: Manifest) -> dict[str, Any]:
    spec = manifest.get("spec")
    return spec if isinstance(spec, dict) else {}


def _selected_template(manifest: Manifest) -> Iterator[str]:
    """Deployment, ReplicaSet, StatefulSet, DaemonSet, Rollout: the selector selects the template."""
    spec = _spec(manifest)
    selector, template = spec.get("selector"), spec.get("template") or {}
    if isinstance(selector, dict):
        yield from selector_problems(selector, "spec.selector", may_be_empty=False)
        labels = (template.get("metadata") or {}).get("labels") or {}
        if not selects(selector, labels):
            yield "spec.selector: does not match the labels of the template"
    elif "workloadRef" not in spec:
        yield "spec.selector: required"
    yield from template_problems(template or None, "spec.template", ("Always",))
    if isinstance(spec.get("replicas"), int) and spec["replicas"] < 0:
        yield "spec.replicas: below 0"


def _share(value: Any) -> int | None:
    """The number in an int or a percentage; None for what is neither."""
    if isinstance(value, int):
        return value
    return int(value[:-1]) if isinstance(value, str) and _PERCENT.fullmatch(value) else None


def _shares(parent: Mapping[str, Any], keys: tuple[str, ...], path: str) -> Iterator[str]:
    for key in keys:
        value = parent.get(key)
        if value is None or is_placeholder(value):
            continue
        share = _share(value)
        if share is None or share < 0:
            yield f"{child(path, key)}: {value!r} is neither a count nor a percentage"


def _deployment(manifest: Manifest) -> Iterator[str]:
    spec = _spec(manifest)
    strategy = spec.get("strategy") or {}
    kind, rolling = strategy.get("type", "RollingUpdate"), strategy.get("rollingUpdate")
    if kind not in ("RollingUpdate", "Recreate"):
        yield f"spec.strategy.type: {kind!r} is not one of ['Recreate', 'RollingUpdate']"
    if kind == "Recreate" and rolling is not None:
        yield "spec.strategy.rollingUpdate: not with Recreate"
    if isinstance(rolling, dict):
        path = "spec.strategy.rollingUpdate"
        yield from _shares(rolling, ("maxSurge", "maxUnavailable"), path)
        # an absent one is defaulted to 25%
        if _share(rolling.get("maxSurge", 1)) == 0 and _share(rolling.get("maxUnavailable", 1)) == 0:
            yield f"{path}: maxSurge and maxUnavailable are both 0"
    ready, deadline = spec.get("minReadySeconds", 0), spec.get("progressDeadlineSeconds", 600)
    if isinstance(ready, int) and isinstance(deadline, int) and deadline <= ready:
        yield f"spec.progressDeadlineSeconds: {deadline} is not above minReadySeconds {ready}"


def _daemon_set(manifest: Manifest) -> Iterator[str]:
    rolling = (_spec(manifest).get("updateStrategy") or {}).get("rollingUpdate") or {}
    path = "spec.updateStrategy.rollingUpdate"
    yield from _shares(rolling, ("maxSurge", "maxUnavailable"), path)
    surge, unavailable = _share(rolling.get("maxSurge", 0)), _share(rolling.get("maxUnavailable", 1))
    if rolling and bool(surge) == bool(unavailable):
        yield f"{path}: exactly one of maxSurge and maxUnavailable is not 0"


def _stateful_set(manifest: Manifest) -> Iterator[str]:
    for index, claim in enumerate(_spec(manifest).get("volumeClaimTemplates") or []):
        yield from _claim_spec(claim.get("spec") or {}, f"spec.volumeClaimTemplates[{index}].spec")


def _job_spec(spec: Mapping[str, Any], path: str) -> Iterator[str]:
    for key in (
        "parallelism",
        "completions",
        "backoffLimit",
        "activeDeadlineSeconds",
        "ttlSecondsAfterFinished",
    ):
        if isinstance(spec.get(key), int) and spec[key] < 0:
            yield f"{child(path, key)}: below 0"
    if spec.get("selector") is not None and not spec.get("manualSelector"):
        yield f"{child(path, 'selector')}: made by the server"
    if spec.get("completionMode") == "Indexed" and spec.get("completions") is None:
        yield f"{child(path, 'completions')}: required with Indexed"
    policies = ("Never",) if spec.get("podFailurePolicy") else ("OnFailure", "Never")
    yield from template_problems(spec.get("template") or {}, child(path, "template"), policies)


def _job(manifest: Manifest) -> Iterator[str]:
    yield from _job_spec(_spec(manifest), "spec")


def _cron_job(manifest: Manifest) -> Iterator[str]:
    spec = _spec(manifest)
    schedule = spec.get("schedule")
    if not isinstance(schedule, str) or not _CRON.fullmatch(schedule):
        yield f"spec.schedule: {schedule!r} is not a schedule"
    yield from _job_spec((spec.get("jobTemplate") or {}).get("spec") or {}, "spec.jobTemplate.spec")


def _service(manifest: Manifest) -> Iterator[str]:
    spec = _spec(manifest)
    ports = [p for p in spec.get("ports") or [] if isinstance(p, dict)]
    kind = spec.get("type", "ClusterIP")
    if kind == "ExternalName" and not spec.get("externalName"):
        yield "spec.externalName: required with ExternalName"
    if not ports and kind != "ExternalName" and spec.get("clusterIP") != "None":
        yield "spec.ports: required"
    seen: set[Any] = set()
    for index, port in enumerate(ports):
        where, name = f"spec.ports[{index}]", port.get("name")
        if len(ports) > 1 and not name:
            yield f"{where}.name: required where there are several ports"
        if name and not names.is_dns_label(name):
            yield f"{where}.name: {name!r} is not a DNS label"
        if name and name in seen:
            yield f"{where}.name: {name!r} is used twice"
        seen.add(name)
        yield from port_reference_problems(port.get("port"), f"{where}.port")
        yield from port_reference_problems(port.get("targetPort"), f"{where}.targetPort")
        if "nodePort" in port and kind not in ("NodePort", "LoadBalancer"):
            yield f"{where}.nodePort: not with {kind}"
    yield from label_problems(spec.get("selector") or {}, "spec.selector")


def _disruption_budget(manifest: Manifest) -> Iterator[str]:
    spec = _spec(manifest)
    if len({"minAvailable", "maxUnavailable"} & spec.keys()) != 1:
        yield "spec: exactly one of minAvailable and maxUnavailable"
    yield from _shares(spec, ("minAvailable", "maxUnavailable"), "spec")
    if not isinstance(spec.get("selector"), dict):
        yield "spec.selector: required (without it the budget guards nothing)"
    yield from selector_problems(spec.get("selector"), "spec.selector")


def _network_policy(manifest: Manifest) -> Iterator[str]:
    spec = _spec(manifest)
    yield from selector_problems(spec.get("podSelector"), "spec.podSelector")
    types = spec.get("policyTypes") or []
    for kind in types:
        if kind not in ("Ingress", "Egress"):
            yield f"spec.policyTypes: {kind!r} is not one of ['Egress', 'Ingress']"
    for direction, peers, kind in (("ingress", "from", "Ingress"), ("egress", "to", "Egress")):
        if spec.get(direction) and types and kind not in types:
            yield f"spec.{direction}: has no effect, policyTypes lacks {kind}"
        for index, rule in enumerate(spec.get(direction) or []):
            where = f"spec.{direction}[{index}]"
            for number, peer in enumerate(rule.get(peers) or []):
                yield from _peer(peer, f"{where}.{peers}[{number}]")
            for number, port in enumerate(rule.get("ports") or []):
                yield from _policy_port(port, f"{where}.ports[{number}]")


def _peer(peer: Any, path: str) -> Iterator[str]:
    if is_placeholder(peer):
        return
    selectors = {"podSelector", "namespaceSelector"} & peer.keys()
    if bool(selectors) == ("ipBlock" in peer):
        yield f"{path}: selectors or ipBlock"
    for key in sorted(selectors):
        yield from selector_problems(peer[key], child(path, key))
    block = peer.get("ipBlock")
    if isinstance(block, dict) and isinstance(block.get("cidr"), str):
        try:
            whole = ipaddress.ip_network(block["cidr"])
            parts = [ipaddress.ip_network(e) for e in block.get("except") or [] if isinstance(e, str)]
        except ValueError as error:
            yield f"{child(path, 'ipBlock')}: {error}"
            return
        for part in parts:
            if part.version != whole.version or not part.subnet_of(whole):  # type: ignore[arg-type]
                yield f"{child(path, 'ipBlock')}.except: {part} is not in {whole}"


def _policy_port(port: Any, path: str) -> Iterator[str]:
    if is_placeholder(port):
        return
    yield from port_reference_problems(port.get("port"), child(path, "port"))
    end = port.get("endPort")
    if end is not None and (not isinstance(port.get("port"), int) or end < port["port"] or end > 65535):
        yield f"{child(path, 'endPort')}: not the end of a range of ports"


def _autoscaler(manifest: Manifest) -> Iterator[str]:
    spec = _spec(manifest)
    least, most = spec.get("minReplicas", 1), spec.get("maxReplicas")
    if isinstance(least, int) and isinstance(most, int) and not 1 <= least <= most:
        yield f"spec.maxReplicas: {least} to {most} is not a range from 1"
    for index, metric in enumerate(spec.get("metrics") or []):
        kind = str(metric.get("type", ""))
        if set(metric) - {"type"} != {kind[:1].lower() + kind[1:]}:
            yield f"spec.metrics[{index}]: type {kind!r} goes with its own key alone"


def _config(manifest: Manifest) -> Iterator[str]:
    size = 0
    seen: set[str] = set()
    parts = ("data", "binaryData") if manifest["kind"] == "ConfigMap" else ("data", "stringData")
    for part in parts:
        items = manifest.get(part) or {}
        for key, value in {} if is_placeholder(items) else items.items():
            if not names.is_config_key(key):
                yield f"{child(part, key)}: not a key of a {manifest['kind']}"
            if part == "binaryData" and key in seen:
                yield f"{child(part, key)}: also in data"
            seen.add(key)
            size += len(str(value).encode())
    if size > _CONFIG_BYTES:
        yield f"data: {size} bytes are more than {_CONFIG_BYTES}"


def _claim_spec(spec: Mapping[str, Any], path: str) -> Iterator[str]:
    if not spec.get("accessModes"):
        yield f"{child(path, 'accessModes')}: required"
    storage = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    number = amount(storage)
    if not is_placeholder(storage) and (number is None or number <= 0):
        yield f"{child(path, 'resources')}.requests.storage: {storage!r} is not a size"


def _claim(manifest: Manifest) -> Iterator[str]:
    yield from _claim_spec(_spec(manifest), "spec")


def _role(manifest: Manifest) -> Iterator[str]:
    for index, rule in enumerate(manifest.get("rules") or []):
        where, urls = f"rules[{index}]", rule.get("nonResourceURLs")
        if not rule.get("verbs"):
            yield f"{where}.verbs: required"
        if urls and (manifest["kind"] == "Role" or rule.get("resources")):
            yield f"{where}.nonResourceURLs: not here"
        if not urls and ("apiGroups" not in rule or not rule.get("resources")):
            yield f"{where}: apiGroups and resources are required"


def _role_binding(manifest: Manifest) -> Iterator[str]:
    reference = manifest.get("roleRef") or {}
    if reference.get("apiGroup") != "rbac.authorization.k8s.io":
        yield f"roleRef.apiGroup: {reference.get('apiGroup')!r} is not rbac.authorization.k8s.io"
    allowed = ("Role", "ClusterRole") if manifest["kind"] == "RoleBinding" else ("ClusterRole",)
    if reference.get("kind") not in allowed:
        yield f"roleRef.kind: {reference.get('kind')!r} is not one of {list(allowed)}"
    for index, subject in enumerate(manifest.get("subjects") or []):
        kind, where = subject.get("kind"), f"subjects[{index}]"
        group = "" if kind == "ServiceAccount" else "rbac.authorization.k8s.io"
        if kind not in ("ServiceAccount", "User", "Group"):
            yield f"{where}.kind: {kind!r} is not a kind of subject"
        if subject.get("apiGroup", group) != group:
            yield f"{where}.apiGroup: {subject['apiGroup']!r} is not {group!r}"
        if (kind == "ServiceAccount") != ("namespace" in subject):
            yield f"{where}.namespace: required with a ServiceAccount, and only there"


def _priority_class(manifest: Manifest) -> Iterator[str]:
    value = manifest.get("value")
    if isinstance(value, int) and value > 1_000_000_000:
        yield f"value: {value} is above 1000000000"
    if str((manifest.get("metadata") or {}).get("name", "")).startswith("system-"):
        yield "metadata.name: system- is reserved"


def _pod(manifest: Manifest) -> Iterator[str]:
    yield from pod_problems(_spec(manifest), "spec")


def _leader_worker_set(manifest: Manifest) -> Iterator[str]:
    group = _spec(manifest).get("leaderWorkerTemplate") or {}
    for key in ("leaderTemplate", "workerTemplate"):
        yield from template_problems(group.get(key), f"spec.leaderWorkerTemplate.{key}", ("Always",))


def _rollout(manifest: Manifest) -> Iterator[str]:
    strategy = _spec(manifest).get("strategy") or {}
    if len({"canary", "blueGreen"} & strategy.keys()) != 1:
        yield "spec.strategy: exactly one of canary and blueGreen"


RULES: Mapping[str, tuple[Callable[[Manifest], Iterator[str]], ...]] = {
    "apps/v1/Deployment": (_selected_template, _deployment),
    "apps/v1/ReplicaSet": (_selected_template,),
    "apps/v1/StatefulSet": (_selected_template, _stateful_set),
    "apps/v1/DaemonSet": (_selected_template, _daemon_set),
    "batch/v1/Job": (_job,),
    "batch/v1/CronJob": (_cron_job,),
    "v1/Pod": (_pod,),
    "v1/Service": (_service,),
    "v1/ConfigMap": (_config,),
    "v1/Secret": (_config,),
    "v1/PersistentVolumeClaim": (_claim,),
    "policy/v1/PodDisruptionBudget": (_disruption_budget,),
    "networking.k8s.io/v1/NetworkPolicy": (_network_policy,),
    "autoscaling/v2/HorizontalPodAutoscaler": (_autoscaler,),
    "rbac.authorization.k8s.io/v1/Role": (_role,),
    "rbac.authorization.k8s.io/v1/ClusterRole": (_role,),
    "rbac.authorization.k8s.io/v1/RoleBinding": (_role_binding,),
    "rbac.authorization.k8s.io/v1/ClusterRoleBinding": (_role_binding,),
    "scheduling.k8s.io/v1/PriorityClass": (_priority_class,),
    "leaderworkerset.x-k8s.io/v1/LeaderWorkerSet": (_leader_worker_set,),
    "argoproj.io/v1alpha1/Rollout": (_selected_template, _rollout),
}
"""`<apiVersion>/<Kind>` to the rules that judge it."""
