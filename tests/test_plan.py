"""Edits → steps: risk, reasons in words, and the spec lines that caused them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from components.graph import Component, Graph, Node, Options, Ref, StackOutput, assemble
from components.resolve.platform import Explained
from stacks.compilation import Compilation, CompiledStack
from stacks.compile import compile_spec
from stacks.diff import diff
from stacks.edits import Create
from stacks.files import DiskFiles
from stacks.plan import Action, Against, Plan, Step, plan
from stacks.render.human_plan import human_plan
from stacks.risk import OF_NEW, RULES, workloads
from stacks.risk.finding import Risk, Situation, Target
from tests.graph_strategies import compilation, graphs, pairs
from tests.test_regressions import compiled

GIT = Against("git", "main (4f21c0e)", "1.0.0", "2026-11")
EXAMPLES = Path(__file__).parents[1] / "specs/examples"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"


def graph(*nodes: Node, layer: str = "workloads", outputs: Mapping[str, Any] | None = None, **aliases: str) -> Graph:
    """Return a graph of the nodes, each component reading its own part of the spec."""
    components = [
        Component(
            c,
            "llmform:a:A",
            c,
            reads=(c,),
            summary=(f"words of {c}",),
            aliases=tuple(filter(None, (aliases.get("alias"),))),
        )
        for c in sorted({n.component for n in nodes})
    ]
    return assemble(f"s.default.t.{layer}", components, nodes, outputs or {})


def node(kind: str, inputs: Mapping[str, Any], name: str = "a", component: str = "c", **more: Any) -> Node:
    """Return a node."""
    return Node(f"{component}/{kind.rpartition(':')[2]}/{name}", kind, inputs, component, component, **more)


def deployment(
    replicas: int = 2, gpus: int = 2, image: str = "1", strategy: Mapping[str, Any] | None = None, **spec: Any
) -> Node:
    """Return a Deployment that keeps its capacity while it rolls, unless `strategy` says otherwise."""
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    container = {"name": "vllm", "image": image, "resources": {"limits": {"nvidia.com/gpu": str(gpus)}}}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}}
    body = {"replicas": replicas, "strategy": strategy or rolling, "template": template, **spec}
    return node(DEPLOYMENT, {"spec": body}, "chat", "serving.chat")


def step(before: Node | None, after: Node | None, values: Mapping[str, Explained] | None = None) -> Step:
    """Return the one step that leads from a stack with this node to one with that."""
    keep = node("kubernetes:core/v1:ServiceAccount", {}, "keep", "keep")
    sides = [compilation(graph(*filter(None, (keep, n))), values) for n in (before, after)]
    found = plan(sides[0], sides[1], GIT).steps
    assert len(found) == 1, found
    return found[0]


def words(one: Step) -> str:
    """Return all that is said about a step."""
    return "; ".join(f.reason for f in one.findings)


def test_what_nothing_changes_is_empty() -> None:
    """A plan of nothing has no step and no risk."""
    one = compilation(graph(deployment()))
    found = plan(one, one, GIT)
    assert found.empty and found.risk is Risk.NONE and found.steps == ()
    assert found.stacks[0].status == "unchanged"


def test_everything_new_is_no_risk() -> None:
    """Nothing running notices what is created."""
    found = plan(None, compilation(graph(deployment())), Against())
    assert found.risk is Risk.NONE
    assert found.totals.add == 1
    assert [s.action for s in found.steps] == [Action.CREATE]
    assert found.stacks[0].status == "new"


def test_a_rollout_says_replicas_and_gpus_and_whether_it_is_feasible() -> None:
    """With no pod missing a rollout keeps capacity; the numbers are the manifest's, the sentence the decision's."""
    reason = "feasible if EC2 delivers 1 node"
    values = {"serving.chat.rollout": Explained("1/0", reason=reason)}
    found = step(deployment(gpus=2), deployment(gpus=4), values)
    assert found.risk is Risk.ROLLING
    assert "2 replicas (4 GPUs) restart one after the other; never fewer than 2" in words(found)
    assert "a new one needs 4 GPUs before an old one gives back 2" in words(found)
    assert reason in words(found)


@pytest.mark.parametrize(
    ("replicas", "missing", "surge", "risk", "said"),
    [
        (2, 0, 1, Risk.ROLLING, "never fewer than 2"),
        (4, 1, 0, Risk.REPLACING, "capacity drops to 3 of 4"),
        (1, 1, 0, Risk.REPLACING, "nothing answers until a new one is ready"),
        (4, "25%", "25%", Risk.REPLACING, "capacity drops to 3 of 4"),  # 25 % of 4 is 1
        (3, "25%", "25%", Risk.ROLLING, "never fewer than 3"),  # 25 % of 3, rounded down, is 0
        (2, 0, 0, Risk.REPLACING, "capacity drops to 1 of 2"),  # both 0: Kubernetes lets one be missing
        (2, "100%", 0, Risk.REPLACING, "nothing answers until a new one is ready"),
        (0, 0, 1, Risk.IN_PLACE, "nothing restarts"),
    ],
)
def test_a_rollout_is_rated_by_the_capacity_it_keeps(
    replicas: int, missing: Any, surge: Any, risk: Risk, said: str
) -> None:
    """maxUnavailable 0 keeps capacity, anything else drops it."""
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": missing}}
    found = step(deployment(replicas, strategy=strategy), deployment(replicas, image="2", strategy=strategy))
    assert found.risk is risk
    assert said in words(found)


def leader_worker_set(
    replicas: int = 2,
    size: int = 4,
    image: str = "1",
    surge: Any = 1,
    missing: Any = 0,
    pool: str = "h100",
    **group: Any,
) -> Node:
    """Return a LeaderWorkerSet of groups of `size` pods with 8 GPUs each."""
    container = {"name": "vllm", "image": image, "resources": {"limits": {"nvidia.com/gpu": "8"}}}
    template = {"spec": {"nodeSelector": {"llmform.dev/pool": pool}, "containers": [container]}}
    body = {
        "replicas": replicas,
        "rolloutStrategy": {
            "type": "RollingUpdate",
            "rollingUpdateConfiguration": {"maxSurge": surge, "maxUnavailable": missing},
        },
        "leaderWorkerTemplate": {"size": size, "leaderTemplate": template, "workerTemplate": template, **group},
    }
    inputs = {"metadata": {"name": "v3-group"}, "spec": body}
    return node("kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet", inputs, "v3", "serving.chat")


def llm_inference_service(replicas: int = 2, image: str = "1", pool: str = "l40s", **spec: Any) -> Node:
    """Return an LLMInferenceService whose pods have 2 GPUs each."""
    container = {"name": "main", "image": image, "resources": {"limits": {"nvidia.com/gpu": "2"}}}
    template = {"nodeSelector": {"llmform.dev/pool": pool}, "containers": [container]}
    body = {"replicas": replicas, "template": template, **spec}
    inputs = {"metadata": {"name": "chat"}, "spec": body}
    return node("kubernetes:serving.kserve.io/v1alpha2:LLMInferenceService", inputs, "chat", "serving.chat")


WORKER = {"containers": [{"name": "main", "resources": {"limits": {"nvidia.com/gpu": "8"}}}]}


@pytest.mark.parametrize(
    ("before", "after", "risk", "said"),
    [
        # 2 groups of 4 pods with 8 GPUs each are 64 GPUs; one group is 32
        (
            leader_worker_set(),
            leader_worker_set(image="2"),
            Risk.ROLLING,
            "2 replicas (64 GPUs) restart one after the other; never fewer than 2; a new one needs 32 GPUs",
        ),
        (leader_worker_set(), leader_worker_set(workerTemplate={"spec": WORKER}), Risk.ROLLING, "2 replicas (64 GPUs)"),
        (leader_worker_set(), leader_worker_set(leaderTemplate={"spec": WORKER}), Risk.ROLLING, "2 replicas (64 GPUs)"),
        (
            leader_worker_set(surge=0, missing=1),
            leader_worker_set(surge=0, missing=1, size=2),
            Risk.REPLACING,
            "2 replicas (64 GPUs) restart; capacity drops to 1 of 2 meanwhile; a new one needs 16 GPUs, an old one "
            "gives back 32",
        ),
        (
            leader_worker_set(1, surge=0, missing=1),
            leader_worker_set(1, image="2", surge=0, missing=1),
            Risk.REPLACING,
            "1 replica (32 GPUs) restarts: nothing answers until a new one is ready",
        ),
        (leader_worker_set(1), leader_worker_set(2), Risk.IN_PLACE, "starts 1 more; needs 32 more GPUs"),
        (leader_worker_set(2), leader_worker_set(1), Risk.REPLACING, "capacity drops from 2 replicas to 1"),
        (leader_worker_set(), leader_worker_set(surge=2), Risk.IN_PLACE, "counts from the next rollout on"),
        (leader_worker_set(), None, Risk.REPLACING, "stops serving: 2 replicas (64 GPUs) go"),
        # KServe's Deployment: 25 % of 2 and of 3, rounded down, are 0; of 4 it is 1
        (
            llm_inference_service(),
            llm_inference_service(image="2"),
            Risk.ROLLING,
            "2 replicas (4 GPUs) restart one after the other; never fewer than 2",
        ),
        (
            llm_inference_service(4),
            llm_inference_service(4, image="2"),
            Risk.REPLACING,
            "4 replicas (8 GPUs) restart; capacity drops to 3 of 4 meanwhile",
        ),
        (llm_inference_service(), llm_inference_service(labels={"a": "b"}), Risk.ROLLING, "2 replicas (4 GPUs)"),
        (llm_inference_service(1), llm_inference_service(3), Risk.IN_PLACE, "starts 2 more; needs 4 more GPUs"),
        (llm_inference_service(), None, Risk.REPLACING, "stops serving: 2 replicas (4 GPUs) go"),
        (
            llm_inference_service(prefill={"replicas": 1}),
            llm_inference_service(prefill={"replicas": 1, "template": WORKER}),
            Risk.REPLACING,
            "the pods of `prefill` may restart",
        ),
        # with a worker KServe makes a LeaderWorkerSet, of which by default one group may be missing and none is added;
        # data 4 with 2 a pod is a group of 2: 2 + 8 GPUs
        (
            llm_inference_service(worker=WORKER, parallelism={"data": 4, "dataLocal": 2}),
            llm_inference_service(image="2", worker=WORKER, parallelism={"data": 4, "dataLocal": 2}),
            Risk.REPLACING,
            "2 replicas (20 GPUs) restart; capacity drops to 1 of 2 meanwhile",
        ),
        # three pipeline stages are a group of 3: 2 + 8 + 8 GPUs
        (
            llm_inference_service(1, worker=WORKER, parallelism={"pipeline": 3}),
            llm_inference_service(1, image="2", worker=WORKER, parallelism={"pipeline": 3}),
            Risk.REPLACING,
            "1 replica (18 GPUs) restarts: nothing answers until a new one is ready",
        ),
    ],
)  # fmt: skip
def test_groups_and_what_kserve_runs_restart_as_deployments_do(
    before: Node, after: Node | None, risk: Risk, said: str
) -> None:
    """Their templates stand elsewhere, their replicas are groups or KServe's pods: the plan says what restarts."""
    found = step(before, after)
    assert said in words(found)
    assert found.risk is risk


def test_recreate_stops_everything_first() -> None:
    """Strategy Recreate: no pod of the new version before all old ones are gone."""
    strategy = {"type": "Recreate"}
    found = step(deployment(strategy=strategy), deployment(image="2", strategy=strategy))
    assert found.risk is Risk.REPLACING
    assert "stop before new ones start" in words(found)


def test_a_new_strategy_restarts_nothing_and_recreate_fails_in_the_preview() -> None:
    """Recorded: after a plain create the preview of RollingUpdate → Recreate fails, unless objects are upserted."""
    found = step(deployment(), deployment(strategy={"type": "Recreate"}))
    assert found.risk is Risk.IN_PLACE
    assert any(f.fails and "rollingUpdate: Forbidden" in f.reason for f in found.findings)


@pytest.mark.parametrize(
    ("now", "risk", "said"),
    [
        (5, Risk.IN_PLACE, "starts 3 more; needs 6 more GPUs"),
        (1, Risk.REPLACING, "capacity drops from 2 replicas to 1"),
    ],
)
def test_replicas_go_up_in_place_and_down_with_capacity(now: int, risk: Risk, said: str) -> None:
    """Two GPUs a replica: three more replicas need six."""
    found = step(deployment(2), deployment(now))
    assert found.risk is risk
    assert said in words(found)


def test_a_deployment_that_goes_stops_serving() -> None:
    """It is replacing, not destructive: it can be made again."""
    found = step(deployment(), None)
    assert found.risk is Risk.REPLACING
    assert "stops serving: 2 replicas (4 GPUs) go" in words(found)
    assert found.action is Action.DELETE


@pytest.mark.parametrize(
    "kind",
    [
        "aws:s3/bucket:Bucket",
        "aws:kms/key:Key",
        "aws:ec2/vpc:Vpc",
        "aws:eks/cluster:Cluster",
        "aws:ec2/eip:Eip",
        "aws:ec2/natGateway:NatGateway",
        "kubernetes:core/v1:PersistentVolumeClaim",
        "kubernetes:core/v1:Namespace",
        "kubernetes:core/v1:Service",
        "kubernetes:apps/v1:StatefulSet",
    ],
)
def test_data_and_addresses_are_lost_by_deletion(kind: str) -> None:
    """What holds data or an address is destructive to delete; retained, only the record goes."""
    assert step(node(kind, {}), None).risk is Risk.DESTRUCTIVE
    assert step(None, node(kind, {})).risk is Risk.NONE
    kept = step(node(kind, {}, options=Options(retain_on_delete=True)), None)
    assert kept.risk is Risk.NONE
    assert "only Pulumi forgets it" in words(kept)


def test_what_is_protected_fails_and_says_how_to_lift_it() -> None:
    """The engine refuses to delete a protected resource."""
    found = step(node("aws:s3/bucket:Bucket", {}, options=Options(protect=True)), None)
    assert found.risk is Risk.DESTRUCTIVE
    assert any(f.fails and "protect: false" in f.reason for f in found.findings)


def test_a_refused_change_will_fail() -> None:
    """Recorded: a PriorityClass's value cannot be changed."""
    kind = "kubernetes:scheduling.k8s.io/v1:PriorityClass"
    found = step(node(kind, {"value": 1}), node(kind, {"value": 2}))
    assert any(f.fails and "`value` cannot be changed" in f.reason for f in found.findings)


@pytest.mark.parametrize(
    ("now", "fails"), [("8Gi", True), ("10G", True), ("10Gi", False), ("12Gi", False), ("1e9", False)]
)
def test_a_claim_that_shrinks_will_fail(now: str, fails: bool) -> None:
    """10 GiB are 10,737,418,240 bytes, 10 GB are 10,000,000,000; what is no size in bytes cannot be said."""
    before, after = (
        node("kubernetes:core/v1:PersistentVolumeClaim", {"spec": {"resources": {"requests": {"storage": size}}}})
        for size in ("10Gi", now)
    )
    found = () if before == after else step(before, after).findings
    assert any(f.fails and "cannot shrink" in f.reason for f in found) is fails


@pytest.mark.parametrize(
    ("was", "now", "loses"),
    [(2555, 365, True), (365, 2555, False), (None, 365, True), (365, None, False), (365, 365, False)],
)
def test_a_shorter_retention_loses_objects(was: int | None, now: int | None, loses: bool) -> None:
    """7 years are 2,555 days: what is older than the new retention and younger than the old one goes."""
    kind = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    rules = [
        [
            {"id": "uploads", "status": "Enabled", "abortIncompleteMultipartUpload": {"daysAfterInitiation": n}},
            *([{"id": "old", "status": "Enabled", "expiration": {"days": days}}] if days else []),
            {"id": "off", "status": "Disabled", "expiration": {"days": 1}},
        ]
        for n, days in ((7, was), (8, now))
    ]
    found = step(node(kind, {"rules": rules[0]}), node(kind, {"rules": rules[1]}))
    assert (found.risk is Risk.DESTRUCTIVE) is loses
    assert ("S3 deletes objects older than 365 days" in words(found)) is loses


def test_what_is_not_recorded_is_said_and_taken_for_the_worse() -> None:
    """An AWS property that is in no table may replace."""
    found = step(node("aws:x/y:Z", {"p": 1}), node("aws:x/y:Z", {"p": 2}))
    assert found.risk is Risk.REPLACING
    assert "cannot say whether `p` replaces it: not recorded" in words(found)


def test_a_job_keyed_by_content_comes_and_goes_unnoticed() -> None:
    """The new Job runs, the finished old one goes."""
    kind = "kubernetes:batch/v1:Job"
    keep = node("kubernetes:core/v1:ServiceAccount", {}, "keep")
    before, after = (compilation(graph(keep, node(kind, {}, name))) for name in ("mirror-1", "mirror-2"))
    (found,) = plan(before, after, GIT).steps
    assert found.risk is Risk.NONE
    assert "runs once" in words(found) and "the old Job goes" in words(found)


@pytest.mark.parametrize(
    ("path", "values", "risk", "said"),
    [
        ("template", ("a", "b"), Risk.ROLLING, "drift"),
        ("disruption", ("a", "b"), Risk.IN_PLACE, "no node goes at once"),
        ("limits", ({"nvidia.com/gpu": "2"}, {"nvidia.com/gpu": "3"}), Risk.IN_PLACE, "may grow to 3 nvidia.com/gpu"),
        ("limits", ({"nvidia.com/gpu": "3"}, {"nvidia.com/gpu": "2"}), Risk.IN_PLACE, "stay until they are empty"),
    ],
)
def test_a_node_pool_rolls_by_its_template_only(path: str, values: tuple[Any, Any], risk: Risk, said: str) -> None:
    """Karpenter replaces drifted nodes; limits bound only growth."""
    kind = "kubernetes:karpenter.sh/v1:NodePool"
    before, after = (node(kind, {"spec": {path: value}}) for value in values)
    found = step(before, after)
    assert found.risk is risk
    assert said in words(found)


@pytest.mark.parametrize(("to", "fails"), [("1.36", False), ("1.37", True), ("1.34", True)])
def test_a_cluster_moves_up_by_one_version(to: str, fails: bool) -> None:
    """EKS accepts the next minor version only."""
    kind = "aws:eks/cluster:Cluster"
    found = step(node(kind, {"version": "1.35"}), node(kind, {"version": to}))
    assert found.risk is Risk.IN_PLACE
    assert any(f.fails for f in found.findings) is fails


def test_the_spec_line_explains_the_step() -> None:
    """What the component reads and differs is the cause, with its place; what it does not read is not."""
    old = {"serving.chat.replicas": Explained(2, "spec.yaml:9:5"), "owner": Explained("a", "spec.yaml:3:1")}
    new = {
        "serving.chat.replicas": Explained(3, "spec.yaml:9:5", "environments.prod"),
        "owner": Explained("b", "spec.yaml:3:1"),
    }
    (found,) = plan(compilation(graph(deployment(2)), old), compilation(graph(deployment(3)), new), GIT).steps
    (because,) = found.because
    assert (because.path, because.before, because.after) == ("serving.chat.replicas", 2, 3)
    assert (because.where, because.overlay) == ("spec.yaml:9:5", "environments.prod")


def test_a_value_that_is_no_longer_written_is_a_cause() -> None:
    """What was taken out of the spec explains as much as what came in; what follows from it is not listed."""
    old = {
        "serving.chat.args.a": Explained(1, "spec.yaml:9:5"),
        "serving.chat.args.b": Explained(2, reason="follows from a"),
    }
    (found,) = plan(compilation(graph(deployment()), old), compilation(graph(deployment(image="2"))), GIT).steps
    assert [(b.path, b.where, b.was) for b in found.because] == [("serving.chat.args.a", "", "spec.yaml:9:5")]


def test_a_list_is_explained_by_its_entry() -> None:
    """The list and its entry both differ; one is enough."""
    old, new = (
        {"serving.chat.x": Explained([n], "spec.yaml:9:5"), "serving.chat.x[0]": Explained(n, "spec.yaml:9:6")}
        for n in "12"
    )
    (found,) = plan(compilation(graph(deployment()), old), compilation(graph(deployment(image="2")), new), GIT).steps
    assert [b.path for b in found.because] == ["serving.chat.x[0]"]


@pytest.mark.parametrize(
    ("against", "said"),
    [
        (GIT, "no spec line explains it"),
        (Against("file", "x.json", "0.9.0", "2026-11"), "llmform 0.9.0 → 1.0.0"),
        (Against("file", "x.json", "1.0.0", "2026-10"), "edition 2026-10 → 2026-11"),
    ],
)
def test_without_a_spec_line_the_compiler_or_nothing_explains_it(against: Against, said: str) -> None:
    """A change that no spec value explains comes from the compiler, the edition, or is said to have no explanation."""
    found = plan(compilation(graph(deployment())), compilation(graph(deployment(image="2"))), against)
    assert found.steps[0].explanation == said
    same = plan(compilation(graph(deployment())), compilation(graph(deployment())), against)
    assert same.empty
    assert any(said in note for note in same.notes) is (against is not GIT)
    assert any("both sides compiled by llmform 1.0.0" in note for note in same.notes) is (against is GIT)


def test_a_renamed_pool_moves() -> None:
    """With an alias nothing is replaced and the plan says the old name."""
    kind = "kubernetes:karpenter.sh/v1:NodePool"
    old = node(kind, {"spec": {}}, "l40s", "nodePools.l40s")
    new = replace(old, id="nodePools.gpu/NodePool/l40s", component="nodePools.gpu", origin="nodePools.gpu")
    before = compilation(graph(old), {"nodePools.l40s.max": Explained(2, "spec.yaml:5:5")})
    after = compilation(graph(new, alias="nodePools.l40s"), {"nodePools.gpu.max": Explained(2, "spec.yaml:5:5")})
    (found,) = plan(before, after, GIT).steps
    assert found.action is Action.MOVE and found.risk is Risk.NONE
    assert "renamed from `nodePools.l40s`" in words(found)
    assert plan(before, after, GIT).totals.move == 1


def test_the_most_dangerous_comes_first_then_the_lower_layer() -> None:
    """Order: risk, then stack by layer, then component."""

    def sides(vpc: str, image: str) -> Compilation:
        network = node("aws:ec2/vpc:Vpc", {"cidrBlock": "x", "tags": {"a": vpc}}, component="network")
        lower = graph(network, layer="foundation")
        upper = graph(deployment(image=image), replace(deployment(image=image), id="b/Deployment/b", component="b"))
        stacks = tuple(
            CompiledStack("s", "default", "t", layer, "", {}, g)
            for layer, g in (("workloads", upper), ("foundation", lower))
        )
        return Compilation("1.0.0", "2026-11", "s", "", stacks)

    found = plan(sides("1", "1"), sides("2", "2"), GIT)
    assert [(s.risk, s.component) for s in found.steps] == [
        (Risk.ROLLING, "b"),
        (Risk.ROLLING, "serving.chat"),
        (Risk.IN_PLACE, "network"),
    ]
    assert [s.layer for s in found.stacks] == ["foundation", "workloads"]


def test_a_stack_that_is_only_on_one_side_comes_or_goes_whole() -> None:
    """A removed target takes its stacks with it."""
    one = compilation(graph(deployment()))
    none = replace(one, stacks=())
    gone, come = plan(one, none, GIT), plan(none, one, GIT)
    assert [s.status for s in gone.stacks] == ["removed"] and gone.totals.remove == 1
    assert [s.status for s in come.stacks] == ["new"] and come.totals.add == 1


def test_a_replaced_network_goes_on_into_the_stack_above() -> None:
    """A value read from the layer below is new when what gives it is replaced."""

    def sides(cidr: str) -> Compilation:
        vpc = node("aws:ec2/vpc:Vpc", {"cidrBlock": cidr}, component="network")
        lower = graph(vpc, layer="foundation", outputs={"vpcId": Ref(vpc.id, "id")})
        upper = graph(node("aws:ec2/subnet:Subnet", {"vpcId": StackOutput("foundation", "vpcId")}), layer="platform")
        stacks = tuple(
            CompiledStack("s", "default", "t", layer, "", {}, g)
            for layer, g in (("foundation", lower), ("platform", upper))
        )
        return Compilation("1.0.0", "2026-11", "s", "", stacks)

    found = plan(sides("10.0.0.0/16"), sides("10.1.0.0/16"), GIT)
    assert found.totals.replace == 2
    (upper,) = [s for s in found.steps if s.stack.endswith("platform")]
    assert upper.explanation == "follows from `output vpcId of foundation`"


def test_every_rule_says_what_it_is() -> None:
    """A rule is a function with its rule as docstring, and stands in the tuple once."""
    assert len(set(RULES)) == len(RULES)
    assert all((rule.__doc__ or "").strip().endswith(")." if ")." in (rule.__doc__ or "") else ".") for rule in RULES)


@settings(deadline=None, max_examples=40)
@given(graphs())
def test_of_what_is_new_only_the_rules_of_new_speak(after: Graph) -> None:
    """A new resource is rated by `OF_NEW` alone: no other rule may have anything to say of it, whatever it is."""
    edits = {e.id: e for e in diff(None, after) if isinstance(e, Create)}
    assert len(edits) == len(after.nodes)
    for edit in edits.values():
        situation = Situation(edit, edits, {}, None, after, Target({}, {"workloads": after}))
        assert not [rule.__name__ for rule in RULES if rule not in OF_NEW and list(rule(situation))]


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_of_a_new_example_only_the_rules_of_new_speak(example: Path) -> None:
    """The same of every resource of the examples: their Jobs "run once", and that is all that any rule says."""
    compilation = compile_spec(example.read_bytes(), example.name, DiskFiles(example.parent)).compilation
    assert compilation is not None
    for stack in compilation.stacks:
        edits = {e.id: e for e in diff(None, stack.graph) if isinstance(e, Create)}
        for edit in edits.values():
            situation = Situation(edit, edits, stack.values, None, stack.graph, Target({}, {stack.layer: stack.graph}))
            speak = {rule for rule in RULES if list(rule(situation))}
            assert speak == ({workloads.job} if edit.node.type.endswith(":Job") else set())


@settings(deadline=None, max_examples=40)
@given(pairs())
def test_a_plan_counts_every_edit_once(pair: tuple[Graph, Graph]) -> None:
    """Totals are the edits; a plan is the same each time it is made; no step has less risk than one of its edits."""
    before, after = (compilation(g) for g in pair)
    found = plan(before, after, GIT)
    t = found.totals
    assert t.add + t.change + t.replace + t.move + t.remove == sum(len(s.edits) for s in found.steps)
    assert found == plan(before, after, GIT)
    for one in found.steps:
        assert one.risk == max((e.risk for e in one.edits), default=Risk.NONE)
    order = [(s.fails, s.risk) for s in found.steps]
    assert order == sorted(order, reverse=True)


def target(**layers: Graph) -> Compilation:
    """Return a compilation of one target's stacks, by layer."""
    stacks = tuple(CompiledStack("s", "default", "t", layer, "", {}, g) for layer, g in layers.items())
    return Compilation("1.0.0", "2026-11", "s", "", stacks)


def pool(name: str, kind: str = "kubernetes:karpenter.sh/v1:NodePool") -> Node:
    """Return the node pool or managed node group of a pool."""
    labels = {"llmform.dev/pool": name}
    inputs = {"labels": labels} if kind.startswith("aws:") else {"spec": {"template": {"metadata": {"labels": labels}}}}
    return node(kind, inputs, name, f"nodePools.{name}")


def server(on: str, replicas: int = 1) -> Node:
    """Return a Deployment that selects the nodes of a pool."""
    one = deployment(replicas)
    template = {"spec": {"nodeSelector": {"llmform.dev/pool": on}, "containers": []}}
    return replace(one, inputs={"metadata": {"name": "chat"}, "spec": {**one.inputs["spec"], "template": template}})


def of(found: Plan, component: str, layer: str = "workloads") -> Step:
    """Return the step of a component of a layer."""
    (one,) = [s for s in found.steps if s.component == component and s.stack.endswith(layer)]
    return one


@pytest.mark.parametrize("kind", ["kubernetes:karpenter.sh/v1:NodePool", "aws:eks/nodeGroup:NodeGroup"])
def test_nodes_that_go_before_their_server_moves_stop_it(kind: str) -> None:
    """Layers apply in order: the platform stack removes the old pool's nodes before the Deployment selects another."""
    before = target(platform=graph(pool("l40s", kind), layer="platform"), workloads=graph(server("l40s", 2)))
    after = target(platform=graph(pool("big", kind), layer="platform"), workloads=graph(server("big", 2)))
    found = of(plan(before, after, GIT), "serving.chat")
    assert found.risk is Risk.REPLACING
    assert "never fewer" not in words(found)
    assert "removes the nodes of pool `l40s`: 2 replicas stop then: nothing answers" in words(found)
    both = graph(pool("big", kind), pool("l40s", kind), layer="platform")
    kept = of(
        plan(before, replace(after, stacks=(replace(after.stacks[0], graph=both), after.stacks[1])), GIT),
        "serving.chat",
    )
    assert kept.risk is Risk.ROLLING and "never fewer than 2" in words(kept)


@pytest.mark.parametrize("kind", [leader_worker_set, llm_inference_service])
def test_what_goes_in_a_lower_layer_stops_groups_and_what_kserve_runs(kind: Callable[..., Node]) -> None:
    """Their pool's nodes, and the rights of their pods, go before they change."""
    role = node("aws:eks/podIdentityAssociation:PodIdentityAssociation", {}, "chat", "serving.chat")
    nodes = "kubernetes:karpenter.sh/v1:NodePool"
    before = target(
        foundation=graph(role, layer="foundation"),
        platform=graph(pool("old", nodes), layer="platform"),
        workloads=graph(kind(pool="old")),
    )
    after = target(
        foundation=graph(layer="foundation"),
        platform=graph(pool("new", nodes), layer="platform"),
        workloads=graph(kind(pool="new")),
    )
    found = of(plan(before, after, GIT), "serving.chat")
    assert found.risk is Risk.REPLACING
    assert "removes the nodes of pool `old`: 2 replicas" in words(found)
    assert "its pods run without AWS rights" in words(found)


def test_rights_that_go_before_their_server_changes_are_said() -> None:
    """The foundation stack takes a role away while the pods that use it still run."""
    role = node("aws:eks/podIdentityAssociation:PodIdentityAssociation", {}, "chat", "serving.chat")
    before = target(foundation=graph(role, layer="foundation"), workloads=graph(deployment(image="1")))
    after = target(foundation=graph(layer="foundation"), workloads=graph(deployment(image="2")))
    found = of(plan(before, after, GIT), "serving.chat")
    assert found.risk is Risk.REPLACING
    assert "removes its PodIdentityAssociation: until this stack is applied its pods run without AWS rights" in words(
        found
    )


def test_a_rolled_managed_group_names_the_servers_that_stop() -> None:
    """A drained pod stops before its successor starts, so a server of one replica does not answer meanwhile."""
    kind = "aws:eks/nodeGroup:NodeGroup"
    old = pool("l40s", kind)
    new = replace(old, inputs={**old.inputs, "releaseVersion": "2"})
    for replicas, said in ((1, True), (2, False)):
        up = graph(server("l40s", replicas))
        sides = [target(platform=graph(n, layer="platform"), workloads=up) for n in (old, new)]
        found = of(plan(sides[0], sides[1], GIT), "nodePools.l40s", "platform")
        assert found.risk is Risk.ROLLING
        assert ("`chat` has 1 replica" in words(found)) is said


def policy(name: str, layer_labels: Mapping[str, str], spec: Mapping[str, Any], component: str = "c") -> Node:
    """Return a NetworkPolicy of the namespace `n`."""
    kind = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
    metadata = {"name": name, "namespace": "n", "labels": layer_labels}
    return node(kind, {"metadata": metadata, "spec": spec}, name, component)


@pytest.mark.parametrize(
    "kind", ["kubernetes:networking.k8s.io/v1:NetworkPolicy", "kubernetes:policy/v1:PodDisruptionBudget"]
)
def test_labels_of_a_policy_change_no_traffic(kind: str) -> None:
    """Only its own labels: nothing running notices. Its spec: what it allows changes."""
    one = node(kind, {"metadata": {"labels": {"a": "1"}}, "spec": {"x": 1}})
    labelled = step(one, replace(one, inputs={**one.inputs, "metadata": {"labels": {"a": "2"}}}))
    assert labelled.risk is Risk.NONE
    assert "nothing running notices" in words(labelled) and "changes" not in words(labelled)
    assert step(one, replace(one, inputs={**one.inputs, "spec": {"x": 2}})).risk is Risk.IN_PLACE


def test_without_its_policy_traffic_is_denied_where_another_denies_all() -> None:
    """Kubernetes: a policy that selects all pods and allows nothing holds for the pods that no other policy allows."""
    own = policy("chat", {}, {"podSelector": {"matchLabels": {"a": "b"}}, "ingress": [{}]})
    deny = policy("default-deny", {}, {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}, "namespaces")
    stay = graph(deny, layer="platform")
    for below, said in ((stay, "`default-deny` of the namespace stays"), (graph(layer="platform"), "all is allowed")):
        found = plan(target(platform=below, workloads=graph(own)), target(platform=below, workloads=graph()), GIT)
        assert said in words(of(found, "c"))
        assert ("all is allowed" in words(of(found, "c"))) is (below is not stay)


def test_another_region_is_told_by_its_provider() -> None:
    """The provider's step counts what is left behind; each resource is said to be elsewhere."""
    provider = node("pulumi:providers:aws", {"region": "us-east-1"}, "aws", "targets.t")
    two = tuple(node("aws:x/y:Z", {}, name, provider=provider.id) for name in "ab")
    sides = [compilation(graph(p, *two)) for p in (provider, replace(provider, inputs={"region": "us-west-2"}))]
    found = plan(sides[0], sides[1], GIT)
    assert "the stack's 2 resources of this provider are in the region of before" in words(of(found, "targets.t"))
    assert {s.component: s.risk for s in found.steps} == dict.fromkeys(("c", "targets.t"), Risk.DESTRUCTIVE)
    assert "cannot say whether it is replaced: not recorded" in words(of(found, "c"))
    first = compilation(graph(replace(provider, inputs={**provider.inputs, "allowedAccountIds": ["1"]}), *two))
    assert plan(sides[0], first, GIT).risk is Risk.IN_PLACE


@pytest.mark.parametrize(
    ("cidr", "zones", "fails"),
    [("10.0.0.0/16", "ab", False), ("10.0.0.0/16", "ac", True), ("10.1.0.0/16", "ab", True)],
)
def test_a_cluster_stays_in_its_network_and_zones(cidr: str, zones: str, fails: bool) -> None:
    """EKS user guide: other subnets of a cluster are in the VPC and the zones that it was made in."""

    def side(cidr: str, zones: str, range_: str) -> Compilation:
        vpc = node("aws:ec2/vpc:Vpc", {"cidrBlock": cidr}, "v", "network")
        kind = "aws:ec2/subnet:Subnet"
        subnets = tuple(
            node(kind, {"vpcId": Ref(vpc.id, "id"), "availabilityZone": z, "cidrBlock": range_}, z, "network")
            for z in zones
        )
        cluster = {"vpcConfig": {"subnetIds": [Ref(s.id, "id") for s in subnets]}}
        return compilation(graph(vpc, *subnets, node("aws:eks/cluster:Cluster", cluster, "cluster", "cluster")))

    found = plan(side("10.0.0.0/16", "ab", "1"), side(cidr, zones, "2"), GIT)
    assert of(found, "cluster").fails is fails
    if fails:
        assert found.steps[0].fails  # what fails comes first


def test_a_heading_says_that_what_is_below_it_fails() -> None:
    """A step that fails is never under a quiet heading."""
    kind = "kubernetes:scheduling.k8s.io/v1:PriorityClass"
    keep = deployment()
    sides = [compilation(graph(keep, node(kind, {"value": v}))) for v in (1, 2)]
    text = human_plan(plan(sides[0], sides[1], GIT))
    assert "\n! in-place, will fail  workloads of t\n" in text


@pytest.mark.parametrize(
    ("was", "now", "said"), [(1, 2, "grows from 1 node to 2"), (3, 1, "shrinks from 3 nodes to 1")]
)
def test_a_managed_group_says_once_what_its_size_does(was: int, now: int, said: str) -> None:
    """Three equal sizes that change together are one change."""
    kind = "aws:eks/nodeGroup:NodeGroup"
    names = ("minSize", "desiredSize", "maxSize")
    sides = [node(kind, {"scalingConfig": dict.fromkeys(names, size)}) for size in (was, now)]
    found = step(sides[0], sides[1])
    (finding,) = found.findings
    assert finding.reason.startswith("the managed group ") and said in finding.reason
    assert found.risk is (Risk.IN_PLACE if now > was else Risk.REPLACING)


@pytest.mark.parametrize(
    ("changed", "causes"),
    [
        ({"replicas": 3}, ["serving.chat.replicas"]),
        ({"strategy": {"type": "Recreate"}}, ["serving.chat.replicas", "nodePools.p.max"]),
        ({"image": "2"}, ["serving.chat.args"]),
        ({"replicas": 3, "image": "2"}, ["serving.chat.args", "serving.chat.replicas"]),
    ],
)
def test_only_what_can_decide_a_changed_property_is_its_cause(changed: Mapping[str, Any], causes: list[str]) -> None:
    """A pool's maximum decides strategy and limits, the replicas their number and the strategy; neither the image."""
    paths = ["serving.chat.args", "serving.chat.replicas", "nodePools.p.max"]
    reads = ("serving.chat", "nodePools.p.max")

    def side(value: int, **more: Any) -> Compilation:
        made = graph(deployment(**more))
        made = replace(made, components=tuple(replace(c, reads=reads) for c in made.components))
        return compilation(made, {p: Explained(value, "spec.yaml:9:5") for p in paths})

    (found,) = plan(side(1), side(2, **changed), GIT).steps
    told = [b.path for b in found.because]
    assert sorted(told) == sorted(causes)


def test_tags_of_a_provider_come_from_the_owner() -> None:
    """A provider serves the whole stack: its component does not name what all resources are tagged with."""
    kind = "pulumi:providers:aws"
    sides = [
        compilation(
            graph(node(kind, {"defaultTags": {"tags": {"llmform.dev/owner": owner}}}, "aws", "targets.t")),
            {"owner": Explained(owner, "spec.yaml:3:1")},
        )
        for owner in "ab"
    ]
    (found,) = plan(sides[0], sides[1], GIT).steps
    assert [b.path for b in found.because] == ["owner"]


def test_a_provider_that_nothing_needs_goes_with_the_minimum() -> None:
    """The platform stack has an AWS provider while a pool keeps nodes."""
    keep = node("pulumi:providers:kubernetes", {}, "kubernetes", "targets.t")
    aws = node("pulumi:providers:aws", {}, "aws", "targets.t")
    before = compilation(graph(keep, aws), {"nodePools.p.min": Explained(1, "spec.yaml:5:5")})
    after = compilation(graph(keep), {"nodePools.p.min": Explained(0, reason="the default")})
    (found,) = plan(before, after, GIT).steps
    assert [b.path for b in found.because] == ["nodePools.p.min"]


def test_a_changed_manifest_file_is_the_cause() -> None:
    """What stands in a file is no value of the spec; the file is named by the entry."""
    kind = "kubernetes:core/v1:Secret"
    sides = [compilation(graph(node(kind, {"stringData": {"a": v}}, "a", "manifests.extras"))) for v in "12"]
    (found,) = plan(sides[0], sides[1], GIT).steps
    assert found.explanation == "the files that `manifests.extras` names hold something else"


def test_a_changed_engine_is_the_cause_of_its_own_step() -> None:
    """What a vLLM server's fit was judged by is no cause of its own: the pool still says it, and the engine is what
    the spec says otherwise."""
    sides = [compiled(serving={"chat": {"model": "chat", "pool": "l40s", **more}}) for more in ({}, {"engine": "tgi"})]
    before, after = (side.compilation for side in sides)
    assert before is not None and after is not None
    found = of(plan(before, after, GIT), "serving.chat")
    assert [b.path for b in found.because] == ["serving.chat.engine"]
