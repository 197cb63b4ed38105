"""A case of the spec + an edition of the catalog → a platform, every default decided. Pure.

The order matters: models and stores stand alone, a server's demand needs its model, a pool's instance types need the
demands of its servers, and a server's rollout needs its pool.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256

from components import names
from components.foundation.existing import missing
from components.resolve import defaults, demand, placement
from components.resolve.placement import Demand
from components.resolve.platform import Aws, Existing, OnPrem, Platform, Pool, Server, Store, Taint, Weights
from components.resolve.values import Values
from specs.catalog.parameters import parameters
from specs.catalog.reader import Edition, Instance
from specs.checks.aws_places import safe_letters
from specs.diagnostics import Diagnostic, has_errors
from specs.facts_file import BUCKET_PREFIX, Facts, output
from specs.finding import finding, place_of
from specs.load import Case
from specs.model_numbers import ModelNumbers
from specs.schema.targets import AwsTarget
from specs.tree import Path, at

WEIGHTS_STORE = "weights"


def resolve(
    case: Case, edition: Edition, facts: Facts | None, models: Mapping[str, ModelNumbers]
) -> tuple[Platform | None, tuple[Diagnostic, ...]]:
    """Return the platform, or why it cannot be: servers that do not fit their pool, outputs that `facts` lack.

    `facts` are those of a foundation that exists; without them llmform makes the target's own. `models` has what is
    known of each model.
    """
    spec, values = case.spec, Values(case.tree)
    old_names = {new: old for old, new in spec.moved.items()}
    target = _target(case, edition, values, facts)
    # by name from here on: the order in which a spec lists its entries means nothing
    demands = {n: _demand(case, n, values) for n in spec.serving}
    found = tuple(_misfits(case, edition, demands))
    if has_errors(found):
        return None, found
    weights = tuple(_weights(case, name, models.get(name), old_names, values) for name in sorted(spec.models))
    pools = tuple(_pool(case, edition, name, demands, old_names, values) for name in sorted(spec.node_pools))
    stores = tuple(_stores(case, target, weights, old_names, values))
    by_model, by_pool = {w.model: w for w in weights}, {p.name: p for p in pools}
    servers = tuple(
        _server(case, edition, name, by_model[s.model], by_pool[s.pool], demands, old_names, values)
        for name, s in sorted(spec.serving.items())
    )
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
        values=values.done(),
        moved=old_names,
    )
    lacking = tuple(_lacking(case, platform))
    return (None if lacking else platform), (*found, *lacking)


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


def _target(case: Case, edition: Edition, values: Values, facts: Facts | None) -> Aws | OnPrem:
    target, path = case.spec.targets[case.target], ("targets", case.target)
    managed = {
        k: target.addons.get("default", "managed") for k in ("karpenter", "nvidia-device-plugin", "gpu-operator")
    }
    managed |= {k: v for k, v in target.addons.items() if k != "default"}

    def is_managed(addon: str) -> bool:
        reason = "llmform installs it at a pinned version unless the spec says `existing`"
        return values.put((*path, "addons", addon), managed[addon], reason) == "managed"

    delivery = values.put((*path, "delivery"), target.delivery, "`pulumi up` applies every layer")
    if not isinstance(target, AwsTarget):
        managed_operator = is_managed("gpu-operator")
        return OnPrem(case.target, target.kube_context, target.storage.shared, managed_operator, delivery)
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
    )


def _protected(case: Case, path: Path, own: bool | None, values: Values) -> bool:
    """Return whether what holds state there is protected: as the entry says, else as the spec says."""
    spec = case.spec.protect
    values.put(("protect",), spec, "what a deletion would lose is deleted only after an apply that says so")
    return values.put((*path, "protect"), spec if own is None else own, "the spec's `protect`")


def _weights(case: Case, name: str, known: ModelNumbers | None, old_names: dict[str, str], values: Values) -> Weights:
    model, path = case.spec.models[name], ("models", name)
    size = model.size or (known.weight_bytes if known else 0)
    values.put((*path, "size"), size, _size_reason(known) if known else "")
    longest = min(defaults.CONTEXT_LENGTH, known.native_context) if known else 0
    why = defaults.CONTEXT_REASON if longest else "nothing says the model's own length: vLLM takes it from its config"
    context = values.put((*path, "contextLength"), model.context_length or longest, why)
    return Weights(
        model=name,
        object_name=_object_name("models", name, old_names),
        key=sha256(f"{model.source}@{model.revision}".encode()).hexdigest()[:8],
        repository=model.repository,
        revision=model.revision,
        size=size,
        context_length=context,
        token_secret=model.token.secret if model.token else "",
        prefix=f"models/{model.repository}/{model.revision}",
    )


def _size_reason(known: ModelNumbers) -> str:
    return f"{parameters(known.architecture):,} parameters in {known.quantization or known.dtype} ({known.source})"


def _demand(case: Case, name: str, values: Values) -> Demand:
    server, path = case.spec.serving[name], ("serving", name)
    gpus = values.put(
        (*path, "parallelism", "tensor"),
        1 if server.parallelism == "auto" else server.parallelism.tensor,
        "one GPU a replica unless the spec says more",
    )
    replicas = values.put((*path, "replicas"), server.replicas or 1, defaults.REPLICAS_REASON)
    cpu = values.put((*path, "cpu"), demand.cpu_cores(gpus), defaults.CPU_REASON)
    memory = demand.memory(gpus)
    values.put((*path, "memory"), memory, defaults.MEMORY_REASON, shown=f"{memory // defaults.GIB}Gi")
    return Demand(name, replicas, gpus, cpu, memory)


def _on(case: Case, pool: str, demands: dict[str, Demand]) -> list[Demand]:
    return [demands[n] for n, s in case.spec.serving.items() if s.pool == pool]


def _per_node(case: Case, edition: Edition, name: str, demands: dict[str, Demand]) -> tuple[int, str]:
    """Return the GPUs a node has, and why."""
    pool = case.spec.node_pools[name]
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


def _candidates(case: Case, edition: Edition, name: str, per_node: int) -> list[Instance]:
    pool = case.spec.node_pools[name]
    if pool.instance is not None:
        return [edition.instances[pool.instance]]
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
    accelerator = pool.accelerator or ""
    instances: tuple[Instance, ...] = ()
    if _is_aws(case):
        if pool.instance is not None:
            accelerator = edition.instances[pool.instance].accelerator or ""
        fitting = [
            i
            for i in _candidates(case, edition, name, per_node)
            if all(placement.holds(i, d) for d in _on(case, name, demands))
        ]
        instances = placement.affordable(fitting)
        reason = defaults.INSTANCES_REASON.format(gpus=per_node, accelerator=accelerator)
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
    )


def _misfits(case: Case, edition: Edition, demands: dict[str, Demand]) -> Iterator[Diagnostic]:
    """Yield servers that their pool can never run, and pools with no node to run on."""
    for name, pool in case.spec.node_pools.items():
        here = _on(case, name, demands)
        per_node, _ = _per_node(case, edition, name, demands)
        path: Path = ("nodePools", name)
        if _is_aws(case) and not _candidates(case, edition, name, per_node):
            sizes = sorted({i.gpus for i in edition.instances.values() if i.accelerator == pool.accelerator and i.gpus})
            yield finding(
                case,
                "no-instance-type",
                (*path, "perNode"),
                f"no EC2 instance type has {per_node} × {pool.accelerator}",
                help=f"set `perNode` to one of {', '.join(map(str, sizes))}"
                if sizes
                else "EC2 offers this accelerator on no type that shows GPUs",
            )
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
            elif _is_aws(case) and not any(placement.holds(i, d) for i in _candidates(case, edition, name, per_node)):
                yield finding(
                    case, "no-instance-type", server,
                    f"no instance type of `{name}` has {d.cpu} cores and {d.memory / defaults.GIB:.0f} GiB left for "
                    f"a replica of `{d.server}`",
                    help="choose a larger `instance` or a pool with more GPUs a node", related=related,
                )  # fmt: skip
        if per_node and all(d.gpus <= per_node for d in here):
            yield from _too_many(case, name, here, per_node, pool.max)


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
    case: Case, target: Aws | OnPrem, weights: tuple[Weights, ...], old_names: dict[str, str], values: Values
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
    old_names: dict[str, str], values: Values,
) -> Server:  # fmt: skip
    server, path, need = case.spec.serving[name], ("serving", name), demands[name]
    starts_nodes = _is_aws(case)
    rollout = placement.choose_rollout(
        need,
        _on(case, pool.name, demands),
        per_node=pool.per_node,
        minimum=pool.minimum,
        maximum=pool.maximum,
        pool=pool.name,
        starts_nodes=starts_nodes,
    )
    startup = demand.startup_seconds(weights.size)
    rate = f"{defaults.READ_BYTES_PER_SECOND // 1_000_000} MB/s"
    version = edition.engines[server.engine]
    values.put((*path, "engine"), f"{server.engine} {version}", f"the version of edition {edition.name}")
    values.put(
        (*path, "rollout"),
        f"maxSurge {rollout.max_surge}, maxUnavailable {rollout.max_unavailable}",
        rollout.reason,
    )
    values.put(
        (*path, "startupSeconds"), startup,
        f"estimate: {defaults.ENGINE_START_SECONDS} s for the engine + {weights.size / 1e9:.1f} GB at {rate}",
    )  # fmt: skip
    values.put((*path, "drainSeconds"), defaults.DRAIN_SECONDS, defaults.DRAIN_REASON)
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
        progress_deadline_seconds=demand.progress_deadline_seconds(weights.size, starts_nodes),
        rollout=rollout,
        env=dict(server.env),
        args=dict(server.args),
    )
