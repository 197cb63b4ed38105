"""A case of the spec + an edition of the catalog → a platform, every default decided. Pure.

The order matters: models and stores stand alone, a server's demand needs its model, a pool's instance types need the
demands of its servers, and a server's rollout needs its pool.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

from components import names
from components.foundation.existing import missing
from components.resolve import defaults, demand, placement
from components.resolve.cores import (
    concurrency,
    core_demand,
    core_misfits,
    general,
    node_room,
    share,
    without_gpus,
)
from components.resolve.edge import check_edge, edge_target, on_a_box
from components.resolve.placement import Demand
from components.resolve.platform import (
    Aws,
    Budget,
    Edge,
    Existing,
    OnPrem,
    OwnImage,
    OwnRegistry,
    Platform,
    Pool,
    Server,
    Store,
    Taint,
    Weights,
)
from components.resolve.pool_gpus import parts_of
from components.resolve.single_point import check_single_points
from components.resolve.size_servers import Sizes, size_servers
from components.resolve.sizing_values import put_size, utilization
from components.resolve.values import Values
from specs.catalog.engines import engine_rows
from specs.catalog.parameters import parameters
from specs.catalog.reader import Edition, Instance
from specs.checks.aws_places import safe_letters
from specs.diagnostics import Diagnostic, has_errors
from specs.facts_file import BUCKET_PREFIX, Facts, output
from specs.finding import finding, place_of
from specs.images_lock import Locked
from specs.load import Case
from specs.model_numbers import ModelNumbers
from specs.model_task import task_of
from specs.schema.node_pools import NO_ACCELERATOR
from specs.schema.serving import Server as ServerSection
from specs.schema.targets import AwsTarget, EdgeTarget
from specs.sites import Site
from specs.tree import Path, at

WEIGHTS_STORE = "weights"


def resolve(
    case: Case, edition: Edition, facts: Facts | None, models: Mapping[str, ModelNumbers],
    sites: Sequence[Site] = (), upstream: Platform | None = None, lock: Mapping[str, Locked] | None = None,
) -> tuple[Platform | None, tuple[Diagnostic, ...]]:  # fmt: skip
    """Return the platform, or why it cannot be: servers that do not fit their pool, outputs that `facts` lack.

    `facts` are those of a foundation that exists; without them llmform makes the target's own. `models` has what is
    known of each model. Of an edge target the platform is that of the first of `sites`; `upstream` is the platform that
    they fetch weights from. `lock` is what is known of images of one's own.
    """
    spec, values = case.spec, Values(case.tree)
    old_names = {new: old for old, new in spec.moved.items()}
    target = _target(case, edition, values, facts, sites, upstream)
    # by name from here on: the order in which a spec lists its entries means nothing
    every = tuple(_weights(case, edition, n, models.get(n), old_names, values) for n in sorted(spec.models))
    by_model = {w.model: w for w in every}
    weights = tuple(w for w in every if not w.baked)  # those that are in images need no store, Job or right to read
    sizes = size_servers(case, edition, models, {w.model: w.context_length for w in every})
    demands = {
        n: core_demand(case, edition, n, by_model[s.model], models.get(s.model), values)
        if without_gpus(case, edition, s.pool)
        else _demand(case, n, sizes, values)
        for n, s in spec.serving.items()
    }
    found = (*_once(sizes.found), *_misfits(case, edition, demands))
    if has_errors(found):
        return None, found
    pools = tuple(_pool(case, edition, name, demands, old_names, values) for name in sorted(spec.node_pools))
    stores = tuple(_stores(case, target, weights, old_names, values))
    by_pool = {p.name: p for p in pools}
    servers = tuple(
        _server(case, edition, name, by_model[s.model], by_pool[s.pool], demands, old_names, values, models, sizes)
        for name, s in sorted(spec.serving.items())
    )
    servers = on_a_box(servers, values) if isinstance(target, Edge) else servers
    platform = Platform(
        spec=spec.name,
        environment=case.environment,
        target=target,
        edition=edition,
        owner=spec.owner or "",
        labels=dict(spec.labels),
        namespace=_namespace(case),
        weights=weights,
        pools=pools,
        stores=stores,
        servers=servers,
        images=_images(case, lock or {}, values),
        budget=_budget(case),
        values=values.done(),
        moved=old_names,
    )
    found = (*found, *check_single_points(case, platform))
    lacking = (*_lacking(case, platform), *check_edge(case, platform, upstream))
    return (None if lacking or has_errors(found) else platform), (*found, *lacking)


def _images(case: Case, lock: Mapping[str, Locked], values: Values) -> OwnRegistry | None:
    if case.spec.images is None:
        return None
    for name, locked in lock.items():
        if locked.span is not None and locked.digest:
            values.read(f"images.digests.{name}", locked.digest, locked.span)
    return OwnRegistry(case.spec.images.registry, lock)


def _budget(case: Case) -> Budget | None:
    asked = case.spec.budget
    if asked is None:
        return None
    to = asked.alert_to
    shares = tuple(sorted(set(asked.alert_at or ())))
    return Budget(asked.monthly, shares, to.emails if to else (), (to.topic or "") if to else "")


def _namespace(case: Case) -> str:
    """Return the workloads' namespace: the one that is adopted, if one is."""
    adopted = case.spec.adopt.get("namespaces/Namespace/workloads")
    return adopted.id if adopted else names.kubernetes_name(case.spec.name, case.environment)


def _lacking(case: Case, platform: Platform) -> Iterator[Diagnostic]:
    """Yield outputs of an existing foundation that somebody needs and the facts file does not have."""
    target: Path = ("targets", case.target)
    for name, needed_by in missing(platform).items():
        known, first = output(name), tuple(needed_by[0].split("."))
        there = first != target and at(case.tree, first) is not None
        related = (place_of(case, first, "needed here"),) if there else ()
        who = " and ".join(f"`{path}`" for path in needed_by)
        yield finding(
            case,
            "missing-output",
            (*target, "foundation", "existing"),
            f"{who} need{'s' if len(needed_by) == 1 else ''} `{name}`, and the facts file has none",
            help=f"add {known.about}: `{name}: {known.example}`" if known else "",
            related=related,
        )


def _object_name(section: str, name: str, old_names: dict[str, str]) -> str:
    """Return the name that an entry's objects have: the one from before a `moved` rename, so that nothing is
    replaced."""
    return old_names.get(f"{section}.{name}", f"{section}.{name}").partition(".")[2]


def _target(
    case: Case, edition: Edition, values: Values, facts: Facts | None, sites: Sequence[Site], upstream: Platform | None
) -> Aws | OnPrem | Edge:
    target, path = case.spec.targets[case.target], ("targets", case.target)
    if isinstance(target, EdgeTarget):
        return edge_target(case, target, values, sites[0], upstream)
    managed = {
        k: target.addons.get("default", "managed") for k in ("karpenter", "nvidia-device-plugin", "gpu-operator", "lws")
    }
    managed |= {k: v for k, v in target.addons.items() if k != "default"}

    def is_managed(addon: str) -> bool:
        reason = "llmform installs it at a pinned version unless the spec says `existing`"
        return values.put((*path, "addons", addon), managed[addon], reason) == "managed"

    delivery = values.put((*path, "delivery"), target.delivery, "`pulumi up` applies every layer")
    if not isinstance(target, AwsTarget):
        managed_operator = is_managed("gpu-operator")
        storage = target.storage.shared
        return OnPrem(case.target, target.kube_context, storage, managed_operator, delivery, is_managed("lws"))
    region = edition.regions[target.region]
    letters = safe_letters(region)
    if isinstance(target.zones, int):
        zones = tuple(f"{region.name}{letter}" for letter in letters[: target.zones])
    else:
        zones = tuple(sorted(target.zones))
    if facts is not None:
        return _in_existing(case, target, zones, delivery, is_managed, values, facts)
    values.put((*path, "zones"), zones, "three zones: one can fail and two still agree", shown=list(zones))
    nat = values.put(
        (*path, "network", "nat"),
        target.network.nat,
        "one NAT gateway: weights come through it once, serving does not need it",
    )
    values.put(
        (*path, "api", "allow"),
        target.api.allow,
        "closed unless the spec opens it",
        shown=list(target.api.allow),
    )
    return Aws(
        name=case.target,
        region=region.name,
        account=target.account or "",
        zones=zones,
        cidr=values.put((*path, "network", "cidr"), target.network.cidr, "65,536 addresses of the private range"),
        nat_per_zone=nat == "per-zone",
        api_allow=target.api.allow,
        admins=target.api.admins,
        karpenter_managed=is_managed("karpenter"),
        device_plugin_managed=is_managed("nvidia-device-plugin"),
        protect=_protected(case, path, target.protect, values),
        delivery=delivery,
        lws_managed=is_managed("lws"),
        efa=managed.get("efa-device-plugin") == "existing",
    )


def _in_existing(
    case: Case, target: AwsTarget, zones: tuple[str, ...], delivery: str, is_managed: Callable[[str], bool],
    values: Values, facts: Facts,
) -> Aws:  # fmt: skip
    """Return the target with what the facts file says of it: the account too, which the cluster's ARN names."""
    outputs = {name: list(f.value) if isinstance(f.value, tuple) else f.value for name, f in facts.outputs.items()}
    for name, fact in facts.outputs.items():
        values.read(f"targets.{case.target}.foundation.{name}", outputs[name], fact.span)
    arn = str(outputs.get("clusterArn", ":::::"))
    return Aws(
        name=case.target,
        region=target.region,
        account=target.account or arn.split(":")[4],
        zones=zones,
        cidr=str(outputs.get("vpcCidr", target.network.cidr)),
        nat_per_zone=False,
        api_allow=(),
        admins=(),
        karpenter_managed=is_managed("karpenter"),
        device_plugin_managed=is_managed("nvidia-device-plugin"),
        existing=Existing(facts.file, outputs),
        delivery=delivery,
        lws_managed=is_managed("lws"),
        efa=target.addons.get("efa-device-plugin") == "existing",
    )


def _protected(case: Case, path: Path, own: bool | None, values: Values) -> bool:
    """Return whether what holds state there is protected: as the entry says, else as the spec says."""
    spec = case.spec.protect
    values.put(("protect",), spec, "what a deletion would lose is deleted only after an apply that says so")
    return values.put((*path, "protect"), spec if own is None else own, "the spec's `protect`")


def _weights(
    case: Case, edition: Edition, name: str, known: ModelNumbers | None, old_names: dict[str, str], values: Values
) -> Weights:
    model, path = case.spec.models[name], ("models", name)
    size = model.size or (known.weight_bytes if known else 0)
    values.put((*path, "size"), size, _size_reason(known) if known else "")
    longest = min(defaults.CONTEXT_LENGTH, known.native_context) if known else 0
    why = defaults.CONTEXT_REASON if longest else "nothing says the model's own length: vLLM takes it from its config"
    context = values.put((*path, "contextLength"), model.context_length or longest, why)
    one = f"/{model.file}" if model.file else ""  # two files of one repository are two models, in two folders
    return Weights(
        model=name,
        object_name=_object_name("models", name, old_names),
        key=sha256(f"{model.source}@{model.revision}{one}".encode()).hexdigest()[:8],
        repository=model.repository,
        revision=model.revision,
        size=size,
        context_length=context,
        token_secret=model.token.secret if model.token else "",
        prefix=f"models/{model.repository}/{model.revision}{one}",
        task=values.put((*path, "task"), task_of(model, edition), "what the catalog knows it for, else generate"),
        file=model.file or "",
        sha256=model.sha256 or "",
        baked=values.put((*path, "weights"), model.weights, defaults.MIRRORED_REASON) == "baked",
        token_types=bool(known and known.architecture.token_types > 1),
    )


def _size_reason(known: ModelNumbers) -> str:
    return f"{parameters(known.architecture):,} parameters in {known.quantization or known.dtype} ({known.source})"


def _once(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return each finding once: two servers of one model can have the same one."""
    return tuple({(d.code, d.span, d.message): d for d in found}.values())


def _demand(case: Case, name: str, sizes: Sizes, values: Values) -> Demand:
    path, (nodes, gpus), replicas = ("serving", name), sizes.spread[name], put_size(case, name, sizes, values)
    cpu = values.put((*path, "cpu"), demand.cpu_cores(gpus), defaults.CPU_REASON)
    memory = demand.memory(gpus)
    values.put((*path, "memory"), memory, defaults.MEMORY_REASON, shown=f"{memory // defaults.GIB}Gi")
    return Demand(name, replicas, gpus, cpu, memory, nodes)


def _on(case: Case, pool: str, demands: dict[str, Demand]) -> list[Demand]:
    return [demands[n] for n, s in case.spec.serving.items() if s.pool == pool]


def _per_node(case: Case, edition: Edition, name: str, demands: dict[str, Demand]) -> tuple[int, str]:
    """Return the GPUs a node has, and why."""
    pool = case.spec.node_pools[name]
    if without_gpus(case, edition, name):
        return 0, "its nodes have no GPU"
    if pool.per_node is not None:
        return pool.per_node, ""
    if pool.instance is not None and _is_aws(case):
        return edition.instances[pool.instance].gpus, f"what {pool.instance} has"
    need = max((d.gpus for d in _on(case, name, demands)), default=1)
    if not _is_aws(case):
        return need, "what the largest server of the pool needs"
    offered = {i.gpus for i in edition.instances.values() if i.accelerator == pool.accelerator and i.gpus}
    enough = [g for g in offered if g >= need] or [need]
    return min(enough), "the smallest node EC2 offers with this accelerator that holds the pool's largest server"


def _node_full(d: Demand, instance: Instance, parts: int) -> Demand:
    """Return what a node's pods ask for in sum where each GPU takes several; else one replica's demand."""
    return d if parts == 1 else replace(d, cpu=d.cpu * instance.gpus * parts, memory=d.memory * instance.gpus * parts)


def _candidates(case: Case, edition: Edition, name: str, per_node: int) -> list[Instance]:
    pool = case.spec.node_pools[name]
    if pool.instance is not None:
        return [edition.instances[pool.instance]]
    if without_gpus(case, edition, name):
        return general(edition.instances.values(), pool.cores or 0, pool.memory or 0)
    found = [i for i in edition.instances.values() if i.accelerator == pool.accelerator and i.gpus == per_node]
    return [i for i in found if i.arch == "amd64"]


def _is_aws(case: Case) -> bool:
    return isinstance(case.spec.targets[case.target], AwsTarget)


def _pool(
    case: Case,
    edition: Edition,
    name: str,
    demands: dict[str, Demand],
    old_names: dict[str, str],
    values: Values,
) -> Pool:
    pool, path = case.spec.node_pools[name], ("nodePools", name)
    per_node, why = _per_node(case, edition, name, demands)
    values.put((*path, "perNode"), per_node, why)
    accelerator = "" if pool.accelerator in (None, NO_ACCELERATOR) else pool.accelerator or ""
    instances: tuple[Instance, ...] = ()
    if _is_aws(case):
        if pool.instance is not None:
            accelerator = edition.instances[pool.instance].accelerator or ""
        fitting = [
            i
            for i in _candidates(case, edition, name, per_node)
            if all(placement.holds(i, _node_full(d, i, parts_of(pool, edition))) for d in _on(case, name, demands))
        ]
        instances = placement.affordable(fitting)
        if parts_of(pool, edition) > 1:  # Karpenter's limit counts their CPUs
            instances = tuple(i for i in instances if i.vcpu == instances[0].vcpu)
        reason = defaults.INSTANCES_REASON.format(gpus=per_node, accelerator=accelerator)
        if without_gpus(case, edition, name):
            reason = defaults.GENERAL_REASON
        values.put((*path, "instances"), instances, reason, shown=[i.name for i in instances])
    values.put((*path, "min"), pool.min, "no node without a pod that needs it")
    return Pool(
        name=name,
        object_name=_object_name("nodePools", name, old_names),
        accelerator=accelerator,
        per_node=per_node,
        capacity=tuple(
            values.put(
                (*path, "capacity"),
                pool.capacity,
                "on demand: spot nodes can be taken away",
                list(pool.capacity),
            )
        ),
        minimum=pool.min,
        maximum=pool.max,
        instances=instances,
        labels=dict(pool.labels),
        taints=tuple(Taint(t.key, t.value, t.effect) for t in pool.taints),
        sharing=pool.sharing.mode if pool.sharing else "none",
        parts=parts_of(pool, edition),
        profile=(pool.sharing.profile or "") if pool.sharing else "",
        **_core_pool(case, edition, name),
    )


def _core_pool(case: Case, edition: Edition, name: str) -> dict[str, int]:
    """Return the numbers that only a pool without GPU has."""
    if not without_gpus(case, edition, name):
        return {}
    cores, memory = node_room(case, edition, name)
    return {"cores": cores, "memory": memory, "places": share(case, edition, name)[1]}


def _misfits(case: Case, edition: Edition, demands: dict[str, Demand]) -> Iterator[Diagnostic]:
    """Yield servers that their pool can never run, and pools with no node to run on."""
    for name, pool in case.spec.node_pools.items():
        here = _on(case, name, demands)
        per_node, _ = _per_node(case, edition, name, demands)
        path: Path = ("nodePools", name)
        if without_gpus(case, edition, name):
            yield from _core_pool_misfits(case, edition, name, here, per_node)
            continue
        if _is_aws(case) and not _candidates(case, edition, name, per_node):
            yield _not_sold(case, edition, name, per_node)
            continue
        for d in here:
            server: Path = ("serving", d.server, "pool")
            related = (place_of(case, path, "the pool is set here"),)
            if per_node == 0:
                yield finding(
                    case, "pool-without-gpus", server, f"`{d.server}` needs a GPU, and the nodes of `{name}` have none",
                    help="choose a pool with an `accelerator`", related=related,
                )  # fmt: skip
            elif d.gpus > per_node:
                yield finding(
                    case, "split-over-nodes", ("serving", d.server, "parallelism", "tensor"),
                    f"a replica of `{d.server}` needs {d.gpus} GPUs of one node; a node of `{name}` has {per_node}",
                    help=f"lower `parallelism.tensor`, or set `nodePools.{name}.perNode: {d.gpus}`", related=related,
                )  # fmt: skip
            elif d.nodes > 1 and (able := _of_one_node(case.spec.serving[d.server])):
                yield finding(
                    case, "split-over-nodes", ("serving", d.server, "parallelism"),
                    f"a replica of `{d.server}` spans {d.nodes} nodes, and {able} replicas of one node alone",
                    help="split it over the GPUs of one node, choose a pool whose nodes have more, or write "
                    "`engine: vllm` without `runtime: kserve`", related=related,
                )  # fmt: skip
            elif _is_aws(case) and not any(
                placement.holds(i, _node_full(d, i, parts_of(pool, edition)))
                for i in _candidates(case, edition, name, per_node)
            ):
                yield finding(
                    case, "no-instance-type", server,
                    f"no instance type of `{name}` has {d.cpu} cores and {d.memory / defaults.GIB:.0f} GiB left for "
                    f"a replica of `{d.server}`",
                    help="choose a larger `instance` or a pool with more GPUs a node", related=related,
                )  # fmt: skip
        if per_node and all(d.gpus <= per_node for d in here):
            yield from _too_many(case, name, here, per_node * parts_of(pool, edition), pool.max)


def _not_sold(case: Case, edition: Edition, name: str, per_node: int) -> Diagnostic:
    """Return the error of a number of GPUs a node that Karpenter can get on no instance type."""
    accelerator = case.spec.node_pools[name].accelerator
    types = sorted((i for i in edition.instances.values() if i.accelerator == accelerator), key=lambda i: i.name)
    sizes = sorted({i.gpus for i in types if i.gpus and i.arch == "amd64"})
    hidden = [i for i in types if not i.gpus and i.gpus_physical == per_node]
    written = ", ".join(f"`perNode: {n}`" for n in sizes)
    help = f"write {written}" if len(sizes) == 1 else f"write one of {written}"
    if not sizes:
        help = "EC2 offers this accelerator on no type that shows GPUs"
    if hidden:
        help += f". {hidden[0].name} has {per_node} × {accelerator}, but {hidden[0].note}"
    return finding(
        case, "no-instance-type", ("nodePools", name, "perNode"),
        f"Karpenter can start no EC2 instance type with {per_node} × {accelerator}", help=help,
    )  # fmt: skip


def _core_pool_misfits(
    case: Case, edition: Edition, name: str, here: list[Demand], per_node: int
) -> Iterator[Diagnostic]:
    found = tuple(core_misfits(case, edition, name, here))
    yield from found
    types = _candidates(case, edition, name, per_node) if _is_aws(case) else []
    if _is_aws(case) and not found and not any(all(placement.holds(i, d) for d in here) for i in types):
        cores, memory = node_room(case, edition, name)
        yield finding(
            case, "no-instance-type", ("nodePools", name),
            f"no EC2 type without GPU has {cores} cores and {memory / defaults.GIB:.0f} GiB and holds its servers",
            help="ask for less of a node, or for more nodes with `max`", key=True,
        )  # fmt: skip


def _too_many(case: Case, name: str, here: list[Demand], per_node: int, maximum: int) -> Iterator[Diagnostic]:
    nodes = placement.nodes_needed(placement.replicas_of(here), per_node)
    if nodes is None or nodes <= maximum:
        return
    sums = " + ".join(f"{d.server} {d.replicas} × {d.gpus}" for d in here)
    yield finding(
        case,
        "pool-too-small",
        ("nodePools", name, "max"),
        f"the servers of `{name}` need {nodes} nodes, and it can have {maximum}",
        help=f"set `max` to {nodes} or more. GPUs: {sums} = {sum(placement.replicas_of(here))}, {per_node} a node",
        related=tuple(place_of(case, ("serving", d.server), f"{d.replicas} × {d.gpus} GPU") for d in here),
    )


def _stores(
    case: Case, target: Aws | OnPrem | Edge, weights: tuple[Weights, ...], old_names: dict[str, str], values: Values
) -> Iterator[Store]:
    """Yield the spec's stores and, on AWS, the reserved one for weights."""
    if not isinstance(target, Aws):
        return
    for name, store in sorted(case.spec.stores.items()):
        path = ("stores", name)
        object_name = _object_name("stores", name, old_names)
        yield Store(
            name=name,
            object_name=object_name,
            bucket=_bucket(case, target, name, object_name),
            versioned=values.put(
                (*path, "versioned"),
                store.versioned,
                "an overwritten or deleted object can be had back for 30 days",
            ),
            encrypted=values.put(
                (*path, "encrypted"),
                store.encrypted,
                "with a key of this target, so that access to the bucket alone is not enough",
            ),
            retention_days=(store.retention or 0) // 86_400_000,
            holds_weights=False,
            protect=_protected(case, path, store.protect, values),
        )
    if weights:
        bucket = _bucket(case, target, WEIGHTS_STORE, WEIGHTS_STORE)
        adopted = f"stores.{WEIGHTS_STORE}/Bucket/{WEIGHTS_STORE}" in case.spec.adopt
        yield Store(
            WEIGHTS_STORE,
            WEIGHTS_STORE,
            bucket,
            versioned=True,
            encrypted=False,
            retention_days=0,
            holds_weights=True,
            # weights can be mirrored again; what an adopted bucket holds beside them cannot
            protect=adopted and case.spec.protect,
            adopted=adopted,
        )


def _bucket(case: Case, target: Aws, store: str, object_name: str) -> str:
    """Return the bucket's name: of an existing foundation or one that is adopted, else llmform's own."""
    if target.existing is not None and (known := target.existing.outputs.get(f"{BUCKET_PREFIX}{store}")):
        return str(known)
    adopted = case.spec.adopt.get(f"stores.{store}/Bucket/{store}")
    own = names.bucket_name(case.spec.name, case.environment, target.name, object_name, target.account)
    return adopted.id if adopted and target.existing is None else own


def _server(
    case: Case, edition: Edition, name: str, weights: Weights, pool: Pool, demands: dict[str, Demand],
    old_names: dict[str, str], values: Values, models: Mapping[str, ModelNumbers], sizes: Sizes,
) -> Server:  # fmt: skip
    server, path, need = case.spec.serving[name], ("serving", name), demands[name]
    row = engine_rows(edition.name)[server.engine]
    starts_nodes = _is_aws(case)
    beside = _on(case, pool.name, demands)
    if not pool.per_node:  # a replica takes one of the node's places
        beside = [replace(d, gpus=1) for d in beside]
    rollout = placement.choose_rollout(
        need if pool.per_node else replace(need, gpus=1),
        beside,
        per_node=pool.per_node * pool.parts or pool.places,
        unit=("GPU" if pool.parts == 1 else "part of a GPU") if pool.per_node else "place",
        minimum=pool.minimum,
        maximum=pool.maximum,
        pool=pool.name,
        starts_nodes=starts_nodes,
    )
    startup = demand.startup_seconds(weights.size, row.start_seconds)
    rate = f"{defaults.READ_BYTES_PER_SECOND // 1_000_000} MB/s"
    version = edition.engines[server.engine]
    values.put((*path, "engine"), f"{server.engine} {version}".strip(), f"the version of edition {edition.name}")
    values.put(
        (*path, "rollout"),
        f"maxSurge {rollout.max_surge}, maxUnavailable {rollout.max_unavailable}",
        rollout.reason,
    )
    values.put(
        (*path, "startupSeconds"), startup,
        f"estimate: {row.start_seconds} s for the engine + {weights.size / 1e9:.1f} GB at {rate}",
    )  # fmt: skip
    values.put((*path, "drainSeconds"), defaults.DRAIN_SECONDS, f"{defaults.DRAIN_REASON}; {row.drain}")
    return Server(
        name=name,
        object_name=_object_name("serving", name, old_names),
        weights=weights,
        pool=pool,
        engine=server.engine,
        engine_version=version,
        replicas=need.replicas,
        gpus=need.gpus,
        cpu=need.cpu,
        memory=need.memory,
        shared_memory=demand.shared_memory(need.gpus),
        startup_seconds=startup,
        drain_seconds=defaults.DRAIN_SECONDS,
        progress_deadline_seconds=demand.progress_deadline_seconds(weights.size, starts_nodes, row.start_seconds),
        rollout=rollout,
        env=dict(server.env),
        args=dict(server.args),
        concurrency=concurrency(case, edition, name, weights, models.get(server.model), values)
        if server.engine == "llama-cpp"
        else server.concurrency or 0,
        kv_cache=server.kv_cache,
        own_image=_own_image(server, path, values),
        **_sized(sizes, name, edition),
        backend=server.backend or "",
        runtime=values.put((*path, "runtime"), server.runtime, "a Deployment needs no operator"),
    )


def _sized(sizes: Sizes, name: str, edition: Edition) -> dict[str, Any]:
    """Return what the size of a server on GPUs decides."""
    return {
        "layout": sizes.layout[name],
        "nodes": sizes.spread[name].nodes,
        "quantization": sizes.argument.get(name, ""),
        "utilization": utilization(sizes.sized.get(name), edition),
        "sized": sizes.sized.get(name),
        "unsized": sizes.unsized.get(name, ""),
    }


def _of_one_node(server: ServerSection) -> str:
    """Return who serves replicas of one node alone, in words with a verb; empty for what spans nodes."""
    if server.engine != "vllm":
        return f"the engine `{server.engine}` serves"
    return "`runtime: kserve` runs" if server.runtime == "kserve" else ""


def _own_image(server: ServerSection, path: Path, values: Values) -> OwnImage | None:
    if server.image is None:
        return None
    if server.engine == "triton":  # whose server is in the image, with a program for it
        return OwnImage(server.image, 8000, "/v2/health/ready")
    port = values.put((*path, "port"), server.port or defaults.OWN_PORT, defaults.OWN_REASON)
    health = values.put((*path, "healthPath"), server.health_path or defaults.OWN_HEALTH_PATH, defaults.OWN_REASON)
    return OwnImage(server.image, port, health)
