"""Two graphs → edits.

What the engine does is from recorded runs (pulumi-kubernetes 4.3x, kube-apiserver 1.34.4, 2026-11-21) and from plan
calls of the AWS provider.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from components.graph import Component, Format, Graph, JsonText, Node, Options, Ref, StackOutput, assemble
from components.graph_json import canonical, decode_graph, encode_graph
from stacks.changes import ABSENT, Entry, differences, patch, written
from stacks.diff import diff
from stacks.edits import (
    Change,
    ComponentEdit,
    Create,
    Delete,
    Edit,
    Move,
    OutputEdit,
    Replace,
    Update,
    apply,
    material,
)
from tests.graph_strategies import graphs, pairs

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
VPC, SUBNET = "aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet"


def node(name: str, kind: str, inputs: dict[str, Any], **more: Any) -> Node:
    """Return a node of the component `c`."""
    component = more.pop("component", "c")
    return Node(f"{component}/{kind.rpartition(':')[2]}/{name}", kind, inputs, component, "c", **more)


def graph(*nodes: Node, components: tuple[Component, ...] = (), outputs: dict[str, Any] | None = None) -> Graph:
    """Return a graph of these nodes."""
    found = components or tuple(Component(c, "llmform:a:A", c) for c in sorted({n.component for n in nodes}))
    return assemble("s.e.t.workloads", found, nodes, outputs or {})


def text(value: Graph) -> str:
    """Return the one text of a graph."""
    return canonical(encode_graph(value))


def only(edits: tuple[Edit, ...]) -> Edit:
    """Return the one edit."""
    assert len(edits) == 1, edits
    return edits[0]


def changes(before: Any, after: Any) -> list[tuple[str, Any, Any]]:
    """Return the differences with their paths as people write them."""
    return [(written(d.path), d.before, d.after) for d in differences(before, after)]


@settings(deadline=None, max_examples=50)
@given(pairs())
def test_the_edits_lead_from_one_graph_to_the_other(pair: tuple[Graph, Graph]) -> None:
    """`apply(diff(a, b), a)` is `b`, but for what means nothing to the engine."""
    before, after = pair
    assert text(material(apply(diff(before, after), before))) == text(material(after))


@settings(deadline=None, max_examples=50)
@given(graphs())
def test_a_graph_does_not_differ_from_itself(one: Graph) -> None:
    """Not even when it has been written to JSON and read again."""
    assert diff(one, one) == ()
    assert diff(one, decode_graph(json.loads(text(one)))) == ()


@settings(deadline=None, max_examples=50)
@given(graphs())
def test_a_graph_is_read_back_as_it_was(one: Graph) -> None:
    """The canonical JSON round-trips."""
    again = decode_graph(json.loads(text(one)))
    assert text(again) == text(one)
    assert again == one


@settings(deadline=None, max_examples=50)
@given(pairs())
def test_edits_are_those_of_the_other_direction_reversed(pair: tuple[Graph, Graph]) -> None:
    """Without aliases, what is created one way is deleted the other way."""
    before, after = (
        replace(
            g,
            nodes=tuple(replace(n, options=replace(n.options, aliases=())) for n in g.nodes),
            components=tuple(replace(c, aliases=()) for c in g.components),
        )
        for g in pair
    )
    there, back = diff(before, after), diff(after, before)
    assert {e.id for e in there if isinstance(e, Create)} == {e.id for e in back if isinstance(e, Delete)}
    assert {e.id for e in there if isinstance(e, Update | Replace)} >= {
        e.id for e in back if isinstance(e, Update | Replace) and any(not c.cause for c in e.changes)
    }


def test_everything_is_new_against_nothing() -> None:
    """No graph before: each node is created, and the other way round deleted."""
    new = graph(node("a", CONFIG_MAP, {}))
    assert [type(e) for e in diff(None, new)] == [ComponentEdit, Create]
    assert [type(e) for e in diff(new, None)] == [ComponentEdit, Delete]
    assert diff(None, None) == ()


def test_words_and_origins_are_no_change() -> None:
    """`origin`, `reads` and `summary` mean nothing to the engine."""
    one = graph(node("a", CONFIG_MAP, {}), components=(Component("c", "llmform:a:A", "c"),))
    other = graph(
        replace(one.nodes[0], origin="elsewhere"),
        components=(Component("c", "llmform:a:A", "d", reads=("x",), summary=("words",)),),
    )
    assert diff(one, other) == ()


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            [{"name": "a"}, {"name": "b"}],
            [{"name": "x"}, {"name": "a"}, {"name": "b"}],
            [("[x]", ABSENT, {"name": "x"})],
        ),
        ([{"name": "a", "v": 1}], [{"name": "a", "v": 2}], [("[a].v", 1, 2)]),
        ([{"name": "a"}, {"name": "b"}], [{"name": "b"}], [("[a]", {"name": "a"}, ABSENT)]),
        (
            ["serve", "--a=1", "--b=2"],
            ["serve", "--x", "--a=1", "--b=3"],
            [("[1]", ABSENT, "--x"), ("[3]", "--b=2", "--b=3")],
        ),
        (["--len", "1"], ["--len", "2"], [("[1]", "1", "2")]),
        (["x", "y", "z"], ["x", "z"], [("[1]", "y", ABSENT)]),
        ([1, 2, 3], [1, 9, 3], [("[1]", 2, 9)]),
        ({"a": 1}, {"a": True}, [("a", 1, True)]),
        ({"a": 1}, {"a": 1.0}, []),
        ({"a.b": 1}, {}, [('["a.b"]', 1, ABSENT)]),
        ({"a": None}, {}, [("a", None, ABSENT)]),
        (JsonText({"x": 1}), JsonText({"x": 2}), [("x", 1, 2)]),
    ],
)
def test_one_edited_entry_is_one_difference(before: Any, after: Any, expected: list[Any]) -> None:
    """Lists are compared by what their entries are, not by position."""
    assert changes(before, after) == expected
    assert patch(before, [(d.path, d.after) for d in differences(before, after)]) == after


def test_an_entry_that_only_moves_is_said_to_move() -> None:
    """Order counts for the engine, so it is a difference; only the entry that moved has one."""
    before = [{"name": n} for n in "abcd"]
    after = [{"name": n} for n in "bcda"]
    (found,) = differences(before, after)
    assert found.path == (Entry(0, 3, "a"),)
    assert found.before == found.after == {"name": "a"}
    assert patch(before, [(found.path, found.after)]) == after


@pytest.mark.parametrize(
    ("kind", "path", "replaces"),
    [  # the recorded runs
        (DEPLOYMENT, "spec.replicas", False),
        (DEPLOYMENT, "spec.selector.matchLabels.app", True),
        (DEPLOYMENT, "metadata.name", True),
        ("kubernetes:apps/v1:StatefulSet", "spec.serviceName", True),
        ("kubernetes:batch/v1:Job", "spec.template.spec.x", True),
        ("kubernetes:core/v1:Service", "spec.clusterIP", True),
        (CONFIG_MAP, "data.a", True),
        ("kubernetes:karpenter.sh/v1:NodePool", "spec.limits.x", False),
        (VPC, "cidrBlock", True),
        (VPC, "enableDnsSupport", False),
    ],
)
def test_a_property_has_the_effect_that_was_recorded(kind: str, path: str, replaces: bool) -> None:
    """The catalog's answer decides between update and replacement."""

    def inputs(value: str) -> dict[str, Any]:
        out: Any = value
        for key in reversed(path.split(".")):
            out = {key: out}
        assert isinstance(out, dict)
        return out

    edit = only(diff(graph(node("a", kind, inputs("1"))), graph(node("a", kind, inputs("2")))))
    assert isinstance(edit, Replace if replaces else Update)
    assert edit.after.inputs == inputs("2")


def test_a_config_map_of_a_provider_that_says_so_is_updated() -> None:
    """Recorded: `enableConfigMapMutable` makes a change of data an update in place."""
    provider = node(
        "kubernetes", "pulumi:providers:kubernetes", {"clusterIdentifier": "x", "enableConfigMapMutable": True}
    )
    old = node("a", CONFIG_MAP, {"data": {"k": "1"}}, provider=provider.id)
    new = replace(old, inputs={"data": {"k": "2"}})
    assert isinstance(only(diff(graph(provider, old), graph(provider, new))), Update)
    strict = replace(provider, inputs={"clusterIdentifier": "x"})
    edit = only(diff(graph(strict, old), graph(strict, new)))
    assert isinstance(edit, Replace) and edit.delete_first


def test_a_refused_change_is_said() -> None:
    """Recorded: the provider plans an update of a PriorityClass's value, the API server refuses it."""
    kind = "kubernetes:scheduling.k8s.io/v1:PriorityClass"
    edit = only(diff(graph(node("a", kind, {"value": 1})), graph(node("a", kind, {"value": 2}))))
    assert isinstance(edit, Update)
    assert edit.changes[0].effect.kind == "refused"
    options = Options(replace_on_changes=("value",))
    before, after = (graph(node("a", kind, {"value": v}, options=options)) for v in (1, 2))
    assert isinstance(only(diff(before, after)), Replace)


def test_ignored_changes_have_no_effect() -> None:
    """Pulumi keeps the old inputs where `ignoreChanges` names them."""
    options = Options(ignore_changes=("spec.selector",))
    before, after = (graph(node("a", DEPLOYMENT, {"spec": {"selector": {"x": v}}}, options=options)) for v in "12")
    edit = only(diff(before, after))
    assert isinstance(edit, Update)
    assert [c.effect.kind for c in edit.changes] == ["ignored"]


def test_delete_before_replace_is_heeded() -> None:
    """The option decides the order whatever the provider says."""
    options = Options(delete_before_replace=True)
    before, after = (graph(node("a", VPC, {"cidrBlock": v}, options=options)) for v in ("10.0.0.0/16", "10.1.0.0/16"))
    edit = only(diff(before, after))
    assert isinstance(edit, Replace) and edit.delete_first


def test_a_replacement_goes_on_through_references() -> None:
    """A subnet's VPC forces its replacement, so a replaced VPC replaces its subnets; a tag of the VPC does not."""
    vpc = node("main", VPC, {"cidrBlock": "10.0.0.0/16"})
    subnet = node("a", SUBNET, {"vpcId": Ref(vpc.id, "id"), "cidrBlock": "10.0.0.0/24"})
    rule = node(
        "x", "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", {"cidrIpv4": Ref(vpc.id, "cidrBlock")}
    )
    output = {"vpcId": Ref(vpc.id, "id")}
    before = graph(vpc, subnet, rule, outputs=output)
    after = graph(replace(vpc, inputs={"cidrBlock": "10.1.0.0/16"}), subnet, rule, outputs=output)
    edits = {e.id: e for e in diff(before, after)}
    cascade = edits[subnet.id]
    assert isinstance(cascade, Replace)
    assert [(c.path, c.cause) for c in cascade.changes] == [(("vpcId",), vpc.id)]
    assert isinstance(edits[rule.id], Update)  # its address range changes, in place
    assert edits["vpcId"] == OutputEdit("vpcId", output["vpcId"], output["vpcId"], vpc.id)
    tagged = graph(replace(vpc, inputs={**vpc.inputs, "tags": {"a": "b"}}), subnet, rule, outputs=output)
    assert [e.id for e in diff(before, tagged)] == [vpc.id]


def test_a_replacement_keeps_a_name_that_is_given() -> None:
    """A reference to an input that stays is not new after apply."""
    role = node("r", "aws:iam/role:Role", {"name": "n", "path": "/a/"})
    user = node("p", "aws:iam/rolePolicy:RolePolicy", {"role": Ref(role.id, "name"), "policy": "{}"})
    edit = only(diff(graph(role, user), graph(replace(role, inputs={"name": "n", "path": "/b/"}), user)))
    assert edit.id == role.id and isinstance(edit, Replace)


def test_new_outputs_of_a_lower_layer_go_on() -> None:
    """A value that is read from a stack below is new when that stack says so."""
    one = graph(node("a", SUBNET, {"vpcId": StackOutput("foundation", "vpcId")}))
    assert diff(one, one) == ()
    again = graph(*one.nodes)
    edit = only(diff(one, again, {("foundation", "vpcId"): "output vpcId of foundation"}))
    assert isinstance(edit, Replace)
    assert edit.changes[0].cause == "output vpcId of foundation"


def test_an_alias_moves_without_replacing() -> None:
    """A renamed pool with `moved` is the same objects under new ids, and references to them stay what they are."""
    old_pool = node("l40s", VPC, {"cidrBlock": "x"}, component="nodePools.l40s")
    user = node("u", SUBNET, {"vpcId": Ref(old_pool.id, "id")})
    new_pool = replace(old_pool, id="nodePools.gpu/Vpc/l40s", component="nodePools.gpu")
    moved_user = replace(user, inputs={"vpcId": Ref(new_pool.id, "id")})
    kinds = ("c", "nodePools.gpu", "nodePools.l40s")
    parts = {c: Component(c, "llmform:a:A", c) for c in kinds}
    before = graph(old_pool, user, components=(parts["c"], parts["nodePools.l40s"]))
    aliased = replace(parts["nodePools.gpu"], aliases=("nodePools.l40s",))
    after = graph(new_pool, moved_user, components=(parts["c"], aliased))
    edits = {e.id: e for e in diff(before, after) if not isinstance(e, ComponentEdit)}
    assert isinstance(edits[new_pool.id], Move)
    reference = edits[user.id]
    assert isinstance(reference, Update)
    assert [c.effect.kind for c in reference.changes] == ["record"]
    plain = graph(new_pool, moved_user, components=(parts["c"], parts["nodePools.gpu"]))
    kinds_found = {e.id: type(e) for e in diff(before, plain)}
    assert kinds_found[new_pool.id] is Create and kinds_found[old_pool.id] is Delete
    assert kinds_found[user.id] is Replace


def test_an_alias_of_another_type_is_another_resource() -> None:
    """The type is part of the URN, which an alias does not change."""
    old = node("a", VPC, {})
    new = replace(node("b", SUBNET, {}), options=Options(aliases=(old.id,)))
    assert sorted(type(e).__name__ for e in diff(graph(old), graph(new))) == ["Create", "Delete"]


def test_identity_is_type_place_and_provider() -> None:
    """Another type, another kind of component above it, or another provider makes another resource."""
    one = node("a", CONFIG_MAP, {})
    other_type = replace(one, type=DEPLOYMENT)
    assert isinstance(only(diff(graph(one), graph(other_type))), Replace)
    elsewhere = graph(one, components=(Component("c", "llmform:b:B", "c"),))
    assert [type(e) for e in diff(graph(one), elsewhere)] == [ComponentEdit, Replace]
    p, q = (node(n, "pulumi:providers:kubernetes", {"clusterIdentifier": "x"}) for n in "pq")
    before, after = graph(p, q, replace(one, provider=p.id)), graph(p, q, replace(one, provider=q.id))
    assert isinstance(only(diff(before, after)), Replace)


def test_a_replaced_provider_replaces_what_it_manages() -> None:
    """Another `clusterIdentifier` is another cluster; another context of the same cluster is not."""
    provider = node("p", "pulumi:providers:kubernetes", {"clusterIdentifier": "x", "context": "a"})
    one = node("a", CONFIG_MAP, {"data": {}}, provider=provider.id)
    other = replace(provider, inputs={"clusterIdentifier": "y", "context": "a"})
    assert [type(e) for e in diff(graph(provider, one), graph(other, one))] == [Replace, Replace]
    context = replace(provider, inputs={"clusterIdentifier": "x", "context": "b"})
    assert [type(e) for e in diff(graph(provider, one), graph(context, one))] == [Update]


def test_options_are_changes_of_the_record() -> None:
    """Protection, aliases that are dropped and order are Pulumi's record; nothing reaches the provider."""
    one = node("a", CONFIG_MAP, {}, options=Options(protect=True, aliases=("gone/ConfigMap/a",)))
    edit = only(diff(graph(one), graph(replace(one, options=Options()))))
    assert isinstance(edit, Update)
    assert [(c.path, c.effect.kind) for c in edit.changes] == [(("protect",), "record"), (("aliases",), "record")]


def test_an_update_is_made_of_its_changes() -> None:
    """The node afterwards comes from the changes alone."""
    text_ = Format(("arn:", StackOutput("foundation", "role")))
    old = node("a", DEPLOYMENT, {"spec": {"x": [1, 2], "y": "z"}})
    new = node("a", DEPLOYMENT, {"spec": {"x": [2, 3], "y": text_}})
    edit = only(diff(graph(old), graph(new)))
    assert isinstance(edit, Update)
    rebuilt = Update(old, tuple(Change(c.part, c.path, c.before, c.after) for c in edit.changes))
    assert rebuilt.after == new


TEMPLATE, NODE_GROUP = "aws:ec2/launchTemplate:LaunchTemplate", "aws:eks/nodeGroup:NodeGroup"
AWS = "pulumi:providers:aws"


@pytest.mark.parametrize(
    ("changed", "rolls"),
    [  # terraform-provider-aws, CustomizeDiff of aws_launch_template
        ({"tagSpecifications": [{"resourceType": "instance", "tags": {"owner": "b"}}]}, True),
        ({"metadataOptions": {"httpTokens": "optional"}}, True),
        ({"updateDefaultVersion": True}, False),
        ({"description": "b"}, False),
    ],
)
def test_a_new_version_of_a_launch_template_reaches_its_node_group(changed: dict[str, Any], rolls: bool) -> None:
    """The service counts `latestVersion` anew on an update, so the group that reads it is updated in the same apply."""
    template = node("t", TEMPLATE, {"name": "t", "description": "a"})
    version = Format((Ref(template.id, "latestVersion"),))
    group = node("g", NODE_GROUP, {"launchTemplate": {"id": Ref(template.id, "id"), "version": version}})
    after = graph(replace(template, inputs={**template.inputs, **changed}), group)
    edits = {e.id: e for e in diff(graph(template, group), after)}
    assert isinstance(edits[template.id], Update)
    if not rolls:
        assert group.id not in edits
        return
    update = edits[group.id]
    assert isinstance(update, Update)
    assert [(written(c.path), c.cause) for c in update.changes] == [("launchTemplate.version", template.id)]
    assert text(material(apply(diff(graph(template, group), after), graph(template, group)))) == text(material(after))


def test_a_block_whose_removal_replaces_is_not_judged_by_its_change() -> None:
    """EKS: `encryptionConfig` can be added; taking it away makes the provider plan another cluster."""
    kind = "aws:eks/cluster:Cluster"
    bare, encrypted = (node("a", kind, {"name": "n", **more}) for more in ({}, {"encryptionConfig": {"x": "y"}}))
    removed = only(diff(graph(encrypted), graph(bare)))
    assert isinstance(removed, Replace)
    assert [(written(c.path), c.effect.kind) for c in removed.changes] == [("encryptionConfig", "replace")]
    assert isinstance(only(diff(graph(bare), graph(encrypted))), Update)


@pytest.mark.parametrize(
    ("before", "after", "moves"),
    [
        ({"region": "us-east-1"}, {"region": "us-west-2"}, True),
        ({"allowedAccountIds": ["1"]}, {"allowedAccountIds": ["2"]}, True),
        ({}, {"allowedAccountIds": ["1"]}, False),
        ({"allowedAccountIds": ["1"]}, {}, False),
        ({"defaultTags": {"tags": {"a": "b"}}}, {"defaultTags": {"tags": {"a": "c"}}}, False),
    ],
)
def test_another_region_or_account_is_no_unchanged_stack(
    before: dict[str, Any], after: dict[str, Any], moves: bool
) -> None:
    """What a provider manages elsewhere afterwards has an edit, whose effect is not recorded; its ids are new."""
    provider = node("aws", AWS, before)
    vpc = node("main", VPC, {"cidrBlock": "10.0.0.0/16"}, provider=provider.id)
    subnet = node("a", SUBNET, {"vpcId": Ref(vpc.id, "id")}, provider=provider.id)
    output = {"vpcId": Ref(vpc.id, "id")}
    old = graph(provider, vpc, subnet, outputs=output)
    new = graph(replace(provider, inputs=after), vpc, subnet, outputs=output)
    edits = {e.id: e for e in diff(old, new)}
    assert set(edits) == ({provider.id, vpc.id, subnet.id, "vpcId"} if moves else {provider.id})
    if moves:
        moved = edits[vpc.id]
        assert isinstance(moved, Update)
        assert [(c.part, c.effect.kind, c.cause) for c in moved.changes] == [("provider", "unknown", provider.id)]
        assert isinstance(edits[subnet.id], Replace)
    assert text(material(apply(diff(old, new), old))) == text(material(new))
