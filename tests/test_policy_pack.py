"""The policy pack as the Pulumi engine runs it: a process of its own, asked over gRPC, about the very graphs of a plan.

What the engine sends is built from the graph: each node's inputs with Pulumi's sentinels for what is known after apply
(a preview), or with values in their place (an update); options, URN, and the resources that a property reads.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2 as proto
from pulumi.runtime.proto import analyzer_pb2_grpc

from components.graph import Format, Graph, JsonText, Node, Ref, StackOutput, references, urn
from policies import resources as seen
from policies.engine import told
from policies.rules import POLICIES, asks, judge, name
from specs import __version__
from specs.schema.policies import LEVELS
from stacks.compile import Compiled, compile_spec
from stacks.files import DiskFiles
from stacks.policy_report import Judged, report
from tests.test_explain_pages import BASE
from tests.test_policies import BREAKS, KEEPS, SAYS_NOT, TODAY, Stack, each

pytestmark = pytest.mark.real

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "specs" / "examples").glob("*.yaml"))

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""How the engine writes a text that is known after apply (Pulumi SDK, runtime/rpc.py)."""

DEPLOYMENT = "serving.chat/Deployment/chat"

BAD = (
    BASE
    + f"""\
policies:
  images-pinned: {{level: advisory, reason: the new image is being built, until: 2027-03-31}}
  owner-named: {{level: disabled, reason: not decided, until: 2027-03-31}}
patches:
  - match: {DEPLOYMENT}
    merge:
      spec:
        template:
          spec:
            hostNetwork: true
            nodeSelector: {{llmform.dev/pool: null}}
            containers:
              - name: vllm
                image: vllm/vllm-openai:latest
                resources: {{limits: {{memory: null}}}}
                env: [{{name: HF_TOKEN, value: abc}}]
  - match: serving.chat/PodDisruptionBudget/chat
    merge: {{spec: {{selector: {{matchLabels: {{app.kubernetes.io/instance: other}}}}}}}}
  - match: namespaces/NetworkPolicy/default-deny
    merge: {{spec: {{policyTypes: [Ingress]}}}}
  - match: serving.chat/RolePolicy/chat
    json: [{{op: replace, path: /name, value: chat-of-mine}}]
  - match: karpenter/RolePolicy/controller
    merge: {{policy: '{{"Statement": {{"Effect": "Allow", "Action": "*", "Resource": "*"}}}}'}}
  - match: stores.weights/BucketPublicAccessBlock/weights
    merge: {{blockPublicAcls: false}}
  - match: cluster/Cluster/cluster
    merge: {{vpcConfig: {{endpointPublicAccess: true, publicAccessCidrs: [0.0.0.0/0]}}}}
"""
)
"""A spec that breaks a policy of every family."""


# ---- what the engine sends ----


def sent(value: Any, known: bool) -> Any:
    """Return a value of the graph as it is on the wire: with sentinels, or as after an apply."""
    match value:
        case Ref() | StackOutput():
            return f"value-of-{value}".replace("/", ".") if known else UNKNOWN  # the ARN of a bucket has no slash
        case Format():
            parts = [part if isinstance(part, str) else sent(part, known) for part in value.parts]
            return UNKNOWN if UNKNOWN in parts else "".join(parts)
        case JsonText():
            return UNKNOWN if not known and any(references(value.value)) else json.dumps(sent(value.value, known))
        case Mapping():
            return {key: sent(item, known) for key, item in value.items()}
        case list() | tuple():
            return [sent(item, known) for item in value]
    return value


def after_apply(graph: Graph, node: Node) -> dict[str, Any]:
    """Return the inputs as they are once everything is known: a reference to a name has that name."""
    by_id = {n.id: n for n in graph.nodes}

    def resolved(value: Any) -> Any:
        if isinstance(value, Ref):
            held = by_id[value.node].inputs.get(value.attribute)
            return held if isinstance(held, str) else f"{value.attribute}-of-{value.node}"
        if isinstance(value, Mapping):
            return {key: resolved(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [resolved(item) for item in value]
        return value

    return {key: sent(resolved(value), True) for key, value in node.inputs.items()}


def wire(graph: Graph, node: Node, known: bool) -> dict[str, Any]:
    """Return what describes a resource in a request, a part at a time."""
    properties = after_apply(graph, node) if known else sent(node.inputs, False)
    if node.type.startswith("pulumi:providers:"):  # the engine has a provider's nested inputs as JSON texts
        properties = {k: v if isinstance(v, str) else json.dumps(v) for k, v in properties.items()}
    return {
        "type": node.type,
        "urn": urn(graph, node),
        "name": node.id,
        "properties": properties,
        "options": proto.AnalyzerResourceOptions(protect=node.options.protect),
    }


class Pack:
    """The running pack, and what the engine asks it."""

    def __init__(self, port: int) -> None:
        self.stub: Any = analyzer_pb2_grpc.AnalyzerStub(grpc.insecure_channel(f"127.0.0.1:{port}"))

    def configure(self, levels: Mapping[str, str]) -> None:
        """Set levels, as the engine does from `--policy-pack-config`; what is not named keeps its own."""
        request = proto.ConfigureAnalyzerRequest()
        for policy, level in levels.items():
            request.policyConfig[policy].enforcementLevel = proto.EnforcementLevel.Value(level.upper())
        self.stub.Configure(request)

    def judge(self, graph: Graph, known: bool) -> list[Any]:
        """Return what the pack says of a graph: of each resource, then of all together."""
        found = []
        whole = proto.AnalyzeStackRequest()
        urns = {node.id: urn(graph, node) for node in graph.nodes}
        for node in graph.nodes:
            described = wire(graph, node, known)
            request = proto.AnalyzeRequest(**{k: v for k, v in described.items() if k != "properties"})
            request.properties.update(described["properties"])
            for diagnostic in self.stub.Analyze(request).diagnostics:
                diagnostic.urn = request.urn  # the engine knows which resource it asked about
                found.append(diagnostic)
            resource = whole.resources.add(**{k: v for k, v in described.items() if k != "properties"})
            resource.properties.update(described["properties"])
            for key, value in node.inputs.items():
                read = [urns[r.node] for r in references(value) if isinstance(r, Ref)]
                if read:
                    resource.propertyDependencies[key].urns.extend(read)
        return [*found, *self.stub.AnalyzeStack(whole).diagnostics]

    def judge_alone(self, stack: Stack, policy: str) -> list[Any]:
        """Return what one policy says of resources that are in no graph."""
        found = []
        whole = proto.AnalyzeStackRequest()
        urns = {r.name: f"urn:pulumi:s::llmform::{r.type}::{r.name}" for r in stack}
        for r in stack:
            options = proto.AnalyzerResourceOptions(protect=r.protect)
            described: dict[str, Any] = {"type": r.type, "urn": urns[r.name], "name": r.name, "options": options}
            request = proto.AnalyzeRequest(**described)
            request.properties.update(on_the_wire(r.inputs))
            found += self.stub.Analyze(request).diagnostics
            resource = whole.resources.add(**described)
            resource.properties.update(on_the_wire(r.inputs))
            for key, names in r.reads.items():
                resource.propertyDependencies[key].urns.extend(
                    urns.get(n, f"urn:pulumi:s::llmform::t::{n}") for n in names
                )
        return [d for d in [*found, *self.stub.AnalyzeStack(whole).diagnostics] if d.policyName == policy]


def on_the_wire(value: Any) -> Any:
    """Return inputs with the sentinel for what is known after apply."""
    if value is seen.UNKNOWN:
        return UNKNOWN
    if isinstance(value, Mapping):
        return {key: on_the_wire(item) for key, item in value.items()}
    return [on_the_wire(item) for item in value] if isinstance(value, list | tuple) else value


@pytest.fixture(scope="module")
def pack() -> Iterator[Pack]:
    """The pack, started as the language host starts it: in its folder, with the project's own Python."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment |= {"PULUMI_PROJECT": "llmform", "PULUMI_STACK": "s", "PULUMI_DRY_RUN": "true"}
    command = [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", "."]
    started = subprocess.Popen(command, cwd=ROOT / "policies", env=environment, stdout=subprocess.PIPE)
    assert started.stdout is not None
    try:
        yield Pack(int(started.stdout.readline()))
    finally:
        started.kill()
        started.wait()
        started.stdout.close()


# ---- the two runs side by side ----

Said = tuple[str, str, str, str]
"""Policy, level, URN (empty: the whole stack), text."""


def compiled(data: bytes, path: Path) -> Compiled:
    made = compile_spec(data, path.name, DiskFiles(path.parent))
    assert made.compilation is not None, made.diagnostics
    return made


def specs() -> list[Any]:
    found = [pytest.param(p.read_bytes(), p, id=p.stem) for p in EXAMPLES]
    return [*found, pytest.param(BAD.encode(), ROOT / "bad.yaml", id="bad")]


def from_plan(made: Compiled, graph: Graph) -> tuple[set[Said], set[tuple[str, str]]]:
    """Return what `llmform plan` says of a stack: what is broken, and what it cannot say (policy, URN)."""
    assert made.compilation is not None
    urns = {node.id: urn(graph, node) for node in graph.nodes}
    found = [f for f in report(made.compilation, made.loaded, TODAY).findings if graph.stack in f.stacks]
    broken: set[Said] = {(f.policy, f.level, urns.get(f.node, ""), f.text) for f in found if not f.unknown}
    return broken, {(f.policy, urns.get(f.node, "")) for f in found if f.unknown}


def from_engine(diagnostics: list[Any]) -> tuple[set[Said], list[Any]]:
    """Return what the pack said over gRPC: what is broken, and what it cannot say."""
    broken: set[Said] = set()
    unknown = []
    for d in diagnostics:
        if "cannot say before apply" in d.message:
            unknown.append(d)
            continue
        description, _, text = d.message.partition("\n")
        assert description == d.description
        text = re.sub(r" \([^()]*\)$", "", text) if text.endswith(")") else text
        broken.add((d.policyName, proto.EnforcementLevel.Name(d.enforcementLevel).lower(), d.urn, text))
    return broken, unknown


def levels_of(made: Compiled, graph: Graph) -> dict[str, str]:
    """Return the levels that `llmform policies --format pulumi` gives the engine."""
    from stacks.policy_report import levels

    environment, target = graph.stack.split(".")[1:3]
    [case] = [c for c in made.loaded.cases if (c.environment, c.target) == (environment, target)]
    return dict(levels(case, TODAY))


@pytest.mark.parametrize(("data", "path"), specs())
def test_plan_and_engine_report_the_same_violations(pack: Pack, data: bytes, path: Path) -> None:
    """With everything known, as in an update, the pack says of every resource what the plan said, at the same level."""
    made = compiled(data, path)
    assert made.compilation is not None
    for stack in made.compilation.stacks:
        pack.configure(levels_of(made, stack.graph))
        broken, unknown = from_engine(pack.judge(stack.graph, known=True))
        planned, cannot_say = from_plan(made, stack.graph)
        assert broken == planned
        assert unknown == [] and cannot_say == set()


@pytest.mark.parametrize(("data", "path"), specs())
def test_a_preview_says_what_it_cannot_know(pack: Pack, data: bytes, path: Path) -> None:
    """In a preview the pack reports what the plan does, and what is hidden from it as advice, never as passed."""
    made = compiled(data, path)
    assert made.compilation is not None
    for stack in made.compilation.stacks:
        pack.configure(levels_of(made, stack.graph))
        broken, unknown = from_engine(pack.judge(stack.graph, known=False))
        planned, _ = from_plan(made, stack.graph)
        assert broken <= planned
        told = {(d.policyName, d.urn) for d in unknown}
        whole = {policy for policy, at in told if not at}
        assert {(p, u) for p, _, u, _ in planned - broken} <= told | {(p, u) for p, _, u, _ in planned if p in whole}
        assert {d.enforcementLevel for d in unknown} <= {proto.ADVISORY}


@pytest.mark.parametrize(("policy", "stack"), [*each(KEEPS), *each(BREAKS), *each(SAYS_NOT)])
def test_every_policy_says_over_the_wire_what_it_says_of_a_graph(pack: Pack, policy: str, stack: Stack) -> None:
    """What keeps, breaks and hides from each policy gives the engine the same texts, and the same doubts as advice."""
    pack.configure({})
    found = [finding for _, finding in judge(stack, frozenset({policy}))]
    said = pack.judge_alone(stack, policy)
    doubts = [d for d in said if "cannot say before apply" in d.message]
    texts = [d.message.partition("\n")[2] for d in said if d not in doubts]
    assert sorted(texts) == sorted(told(f) for f in found if not f.unknown)
    assert bool(doubts) is any(f.unknown for f in found)
    assert {d.enforcementLevel for d in doubts} <= {proto.ADVISORY}
    assert {d.enforcementLevel for d in said if d not in doubts} <= {
        proto.EnforcementLevel.Value(LEVELS[policy].upper())
    }


def test_the_bad_spec_breaks_every_family(pack: Pack) -> None:
    """The comparison is worth something: the bad spec breaks most policies, in all three layers."""
    made = compiled(BAD.encode(), ROOT / "bad.yaml")
    assert made.compilation is not None
    found = [f for f in report(made.compilation, made.loaded, TODAY).findings]
    assert {f.policy for f in found} == set(LEVELS) - {"stateful-protected", "owner-named"}
    assert {s.split(".")[-1] for f in found for s in f.stacks} == {"foundation", "platform", "workloads"}


def test_what_a_preview_hides_is_reported(pack: Pack) -> None:
    """A policy document with a reference is one unknown text in a preview: the pack says that it cannot say."""
    made = compiled(BASE.encode(), ROOT / "base.yaml")
    assert made.compilation is not None
    pack.configure({})
    _, unknown = from_engine(pack.judge(made.compilation.stacks[0].graph, known=False))
    assert "iam-without-wildcards" in {d.policyName for d in unknown}
    assert all(d.enforcementLevel == proto.ADVISORY for d in unknown)


def test_the_pack_introduces_itself(pack: Pack) -> None:
    """The pack has every policy of `POLICIES` with its level and its description, and takes configuration."""
    info = pack.stub.GetAnalyzerInfo(empty_pb2.Empty())
    assert info.name == "llmform" and info.supportsConfig
    told = {p.name: (proto.EnforcementLevel.Name(p.enforcementLevel).lower(), p.description) for p in info.policies}
    assert told == {name(rule): (LEVELS[name(rule)], asks(rule)) for rule in POLICIES}


def test_a_disabled_policy_is_not_run(pack: Pack) -> None:
    """The level `disabled` reaches the pack by the engine's own configuration."""
    made = compiled(BAD.encode(), ROOT / "bad.yaml")
    assert made.compilation is not None
    pack.configure(dict.fromkeys(LEVELS, "disabled"))
    assert [d for s in made.compilation.stacks for d in pack.judge(s.graph, known=True)] == []


def test_the_packs_file_is_what_the_engine_reads() -> None:
    """PulumiPolicy.yaml has the version of llmform and the virtual environment of the project, relative to the pack."""
    read = yaml.safe_load((ROOT / "policies" / "PulumiPolicy.yaml").read_text(encoding="utf-8"))
    assert read["version"] == __version__
    assert read["runtime"] == {"name": "python", "options": {"toolchain": "pip", "virtualenv": "../.venv"}}
    assert (ROOT / "policies" / "../.venv").resolve() == ROOT / ".venv"


def test_a_finding_in_a_plan_has_a_place() -> None:
    """Every finding of the bad spec points at a line of it."""
    made = compiled(BAD.encode(), ROOT / "bad.yaml")
    assert made.compilation is not None
    found: tuple[Judged, ...] = report(made.compilation, made.loaded, TODAY).findings
    assert all(re.fullmatch(r"bad\.yaml:\d+:\d+", f.where) for f in found)
