"""Two environments side by side: what must differ is no difference, and no real difference is lost."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from components.graph_json import encode_graph
from stacks.changes import written
from stacks.compare import compare
from stacks.comparison import Comparison, kind_of
from stacks.compile import Compiled, compile_spec
from stacks.edits import Update, material
from stacks.render.comparisons import FORMATS, rendered
from stacks.review import Reading
from stacks.risk.finding import Risk
from tests.case_runner import run
from tests.memory_files import MemoryFiles
from tests.strategies import Written, overlays, specs
from tests.test_properties import QUICK, changed

ONE, OTHER = "one", "other"


def compiled(written: Written) -> Compiled | None:
    """Return the compilation, None if the spec cannot be: two environments of one cluster are refused."""
    found = compile_spec(written.data, "spec.json", written.folder)
    return found if found.compilation is not None else None


def side_by_side(written: Written, one: dict[str, Any], other: dict[str, Any]) -> Comparison:
    """Return the comparison of two environments of the spec with these overlays, the one on clusters of its own."""
    elsewhere = dict(one)
    for name, target in written.value["targets"].items():
        if target["provider"] == "on-prem":
            elsewhere[f"targets.{name}"] = {**(one.get(f"targets.{name}") or {}), "kubeContext": f"elsewhere-{name}"}
    environments = {ONE: {"overlay": elsewhere}, OTHER: {"overlay": other}}
    found = compiled(changed(written, environments=environments))
    assume(found is not None)
    assert found is not None
    return compare(found, ONE, OTHER)


def any_overlay(written: Written) -> st.SearchStrategy[dict[str, Any]]:
    """Overlays of an environment with all targets of the spec."""
    sections: dict[str, Any] = {"models": {}, "nodePools": {}, "serving": {}}
    return overlays(sections | written.value, tuple(written.value["targets"]))


@QUICK
@given(specs(), st.data())
def test_a_copy_under_another_name_does_not_differ(written: Written, data: st.DataObject) -> None:
    """Whatever an overlay says, an environment is equal to one with the same overlay and another name."""
    overlay = data.draw(any_overlay(written))
    found = side_by_side(written, overlay, overlay)
    assert found.same, [(s.component, s.because, s.edits) for stack in found.stacks for s in stack.steps]
    assert not found.causes and all(i.path.endswith(".kubeContext") for i in found.ignored)
    assert found.stacks, "and there is something to compare"


@QUICK
@given(specs(), st.data())
def test_every_key_that_one_environment_sets_is_found(written: Written, data: st.DataObject) -> None:
    """An overlay's key that changes the graph is told with its line; one that does not makes no difference.

    Whether it does is asked of another spec, in which the one environment is changed and no name is another.
    """
    overlay = data.draw(any_overlay(written))
    assume(overlay)
    key = data.draw(st.sampled_from(sorted(overlay)))
    setting = {key: overlay[key]}
    graphs = [_graphs(changed(written, environments={OTHER: {"overlay": o}})) for o in ({}, setting)]
    assume(None not in graphs)
    swapped = data.draw(st.booleans())
    name = ONE if swapped else OTHER
    found = side_by_side(written, setting, {}) if swapped else side_by_side(written, {}, setting)
    if graphs[0] == graphs[1]:
        assert found.same
        return
    ignored = {i.path for i in found.ignored if not i.path.endswith(".kubeContext")}
    lines = {(b.was_overlay, b.was) if swapped else (b.overlay, b.where) for b in found.causes}
    assert f"environments.{name}" in {overlay for overlay, line in lines if line} or ignored, (setting, found.causes)


def _graphs(written: Written) -> dict[str, Any] | None:
    """Return every stack's graph without what means nothing to the engine; None if the spec cannot be compiled."""
    found = compiled(written)
    if found is None or found.compilation is None:
        return None
    return {s.name: encode_graph(material(s.graph)) for s in found.compilation.stacks}


# --- facts, one by one ------------------------------------------------------------------------------------------

HEAD = """\
apiVersion: llmform/v1
name: hello
models: {chat: "hf://Qwen/Qwen2.5-7B-Instruct@a09a35458c702b33eeacc393d103063234e8bc28"}
nodePools: {l40s: {accelerator: nvidia-l40s, max: 4}}
serving: {chat: {model: chat, pool: l40s, replicas: 2}}
"""
AWS = 'targets: {us: {provider: aws, region: us-east-1, account: "222222222222"}}\n'
ON_PREM = "{provider: on-prem, kubeContext: %s, storage: {shared: cephfs}, addons: existing}"


def compared(
    text: str, source: str = "staging", destination: str = "prod", files: dict[str, bytes] | None = None
) -> Comparison:
    found = compile_spec(text.encode(), "spec.yaml", MemoryFiles(files or {}))
    assert found.compilation is not None, found.diagnostics
    return compare(found, source, destination)


def told(found: Comparison) -> list[tuple[str, str, str]]:
    """Return kind, stack's layer and component of every difference."""
    return sorted((kind_of(s), stack.layer, s.component) for stack in found.stacks for s in stack.steps)


def changes(found: Comparison) -> dict[str, tuple[Any, Any]]:
    """Return every property that differs: `<node> <path>` → both values."""
    edits = [r.edit for stack in found.stacks for s in stack.steps for r in s.edits]
    pairs = ((e, c) for e in edits if isinstance(e, Update) for c in e.changes)
    return {f"{e.id} {c.part} {written(c.path)}": (c.before, c.after) for e, c in pairs}


def test_names_of_the_environment_differ_nowhere() -> None:
    """Two environments of one target on AWS: 3 stacks whose names, namespaces, buckets and labels all hold the
    environment's name, and not one difference."""
    found = compared(HEAD + AWS + "environments: {staging: {}, prod: {}}\n")
    assert found.same and len(found.stacks) == 3
    assert found.counts == {"lacks": 0, "differs": 0, "only": 0, "places": 0}


def test_a_value_that_is_an_environments_name_is_a_value() -> None:
    """`STAGE: staging` beside `STAGE: prod` is a difference, and `STAGE: staging` in both is none."""
    overlays_ = "environments: {staging: {overlay: {serving.chat.env: {STAGE: staging}}}, prod: {overlay: {%s}}}\n"
    there = compared(HEAD + AWS + overlays_ % "serving.chat.env: {STAGE: prod}")
    assert changes(there) == {
        "serving.chat/Deployment/chat inputs spec.template.spec.containers[vllm].env[STAGE].value": ("staging", "prod")
    }
    assert compared(HEAD + AWS + overlays_ % "serving.chat.env: {STAGE: staging}").same


def test_an_account_that_only_one_names_is_a_difference() -> None:
    """Without an account the credentials decide where a platform goes: no account is not another account."""
    target = "targets: {us: {provider: aws, region: us-east-1}}\n"
    found = compared(
        HEAD + target + 'environments: {staging: {}, prod: {overlay: {targets.us: {account: "222222222222"}}}}\n'
    )
    assert not found.ignored
    assert {b.path for b in found.causes} == {"targets.us.account"}
    assert [b.overlay for b in found.causes] == ["environments.prod"]


def test_what_follows_from_another_difference_alone_is_not_told() -> None:
    """With another CIDR the engine would replace the VPC and all that refers to it; side by side only addresses
    differ: 1 VPC and 6 subnets, and what the workloads' network policies say of them."""
    found = compared(
        HEAD + AWS + "environments: {staging: {overlay: {targets.us: {network: {cidr: 10.9.0.0/16}}}}, prod: {}}\n"
    )
    assert {key.rpartition(" ")[2] for key in changes(found) if key.startswith("network/")} == {"cidrBlock"}
    assert len([key for key in changes(found) if key.startswith("network/")]) == 7
    assert {kind for kind, _, _ in told(found)} == {"places"}
    assert all(r.risk is Risk.NONE and not r.findings for s in found.stacks for step in s.steps for r in step.edits)


def test_what_one_environment_lacks_names_the_line_that_removes_it() -> None:
    """`chat: null` in the overlay of prod, line 8: the server is what prod lacks, and that line is why."""
    environments = "environments:\n  staging: {}\n  prod: {overlay: {serving.chat: null}}\n"
    found = compared(HEAD + AWS + environments)
    missing = {b for s in found.stacks for step in s.steps if step.component == "serving.chat" for b in step.because}
    assert {(b.path, b.where.rpartition(":")[0], b.overlay) for b in missing} == {
        ("serving.chat", "spec.yaml:9", "environments.prod")
    }
    assert ("lacks", "workloads", "serving.chat") in told(found)
    back = compared(HEAD + AWS + environments, "prod", "staging")
    assert ("only", "workloads", "serving.chat") in told(back)
    assert {(b.was.rpartition(":")[0], b.was_overlay) for b in back.causes} >= {("spec.yaml:9", "environments.prod")}


def test_targets_of_other_names_are_compared_where_there_is_one_of_a_provider() -> None:
    """`lab` and `dresden` are the only clusters on-prem; with two on one side nobody knows which is meant."""
    targets = "targets:\n" + "".join(f"  {name}: {ON_PREM % name}\n" for name in ("lab", "dresden", "bonn"))
    one = compared(HEAD + targets + "environments: {staging: {targets: [lab]}, prod: {targets: [dresden]}}\n")
    assert [(p.source, p.destination, p.named) for p in one.targets.pairs] == [("lab", "dresden", False)]
    assert one.same
    assert [(i.path, i.before, i.after) for i in one.ignored] == [("targets.dresden.kubeContext", "lab", "dresden")]
    two = compared(HEAD + targets + "environments: {staging: {targets: [lab]}, prod: {targets: [dresden, bonn]}}\n")
    assert (two.targets.pairs, two.targets.only_source) == ((), ("lab",))
    assert two.targets.only_destination == ("dresden", "bonn")


def test_who_applies_a_stack_is_a_difference_that_no_resource_shows() -> None:
    """`delivery: gitops` makes the same objects, and `pulumi up` refuses them."""
    found = compared(HEAD + AWS + "environments: {staging: {}, prod: {overlay: {targets.us: {delivery: gitops}}}}\n")
    paths = {b.path for b in found.causes}
    assert paths == {"targets.us.delivery"}
    assert {layer for _, layer, _ in told(found)} == {"platform", "workloads"}


def test_equal_differences_over_targets_are_one_group() -> None:
    """Three clusters whose servers differ alike: one group of three stacks."""
    targets = "targets:\n" + "".join(f"  {name}: {ON_PREM % name}\n" for name in ("a", "b", "c"))
    contexts = "".join(f"targets.{name}: {{kubeContext: {name}-2}}, " for name in ("a", "b", "c"))
    environments = f"environments: {{staging: {{overlay: {{{contexts}serving.chat: {{replicas: 1}}}}}}, prod: {{}}}}\n"
    found = compared(HEAD + targets + environments)
    (group,) = found.groups
    assert group.names == tuple(f"hello.prod.{name}.workloads" for name in ("a", "b", "c"))


def test_ids_of_what_both_adopt_are_ignored_and_of_what_one_adopts_are_not() -> None:
    """A namespace that both have under names of their own; then one that only prod has."""
    target = f"targets: {{here: {ON_PREM % 'here'}}}\n"
    overlay = "targets.here: {kubeContext: there}, "
    adopted = "adopt: {namespaces/Namespace/workloads: %s}"
    both = compared(
        HEAD + target + f"environments: {{staging: {{overlay: {{{overlay}{adopted % 'llm-staging'}}}}}, "
        f"prod: {{overlay: {{{adopted % 'llm'}}}}}}}\n"
    )
    assert both.same
    assert ("llm-staging", "llm") in [(i.before, i.after) for i in both.ignored]
    for one, other, values in (("staging", "prod", ("", "llm")), ("prod", "staging", ("llm", ""))):
        single = compared(
            HEAD
            + target
            + f"environments: {{staging: {{overlay: {{{overlay}}}}}, prod: {{overlay: {{{adopted % 'llm'}}}}}}}\n",
            one,
            other,
        )
        assert changes(single) == {"namespaces/Namespace/workloads options import_id": values}
        lines = {b.overlay or b.was_overlay for b in single.causes}
        assert lines == {"environments.prod"}


FACTS = """\
clusterName: {name}
clusterArn: arn:aws:eks:us-east-1:{account}:cluster/{name}
clusterEndpoint: https://{name}.gr7.us-east-1.eks.amazonaws.com
clusterCertificateAuthority: {authority}
clusterSecurityGroupId: sg-{group}
interruptionQueue: {name}-interruption
vpcCidr: {cidr}
privateSubnetIds: [{subnets}]
bucket.weights: acme-{name}-weights
nodeRoleName: {name}-node
"""
ONE_CLUSTER = {
    "name": "north", "account": "111111111111", "authority": "LS0tLS1CRUdJTg==", "group": "0123456789abcdef0",
    "cidr": "10.20.0.0/16", "subnets": "subnet-0123456789abcdef0",
}  # fmt: skip
OTHER_CLUSTER = {
    "name": "south", "account": "222222222222", "authority": "LS0tLS1FTkQ=", "group": "0fedcba9876543210",
    "cidr": "10.20.0.0/16", "subnets": "subnet-0fedcba9876543210",
}  # fmt: skip


@pytest.mark.parametrize(
    ("differs", "paths"),
    [
        ({}, set()),
        ({"cidr": "10.40.0.0/16"}, {"targets.us.foundation.vpcCidr"}),
        (
            {"subnets": "subnet-0fedcba9876543210, subnet-0aaaaaaaaaaaaaaaa"},
            {"targets.us.foundation.privateSubnetIds"},
        ),
    ],
)
def test_facts_of_an_existing_foundation_are_identities_but_for_choices(
    differs: dict[str, str], paths: set[str]
) -> None:
    """Names, addresses and ids of two clusters have to differ; the network's addresses, and how many subnets nodes
    may be in, are choices."""
    text = HEAD + (
        "targets: {us: {provider: aws, region: us-east-1, foundation: {existing: one.yaml}}}\n"
        "environments: {staging: {}, prod: {overlay: {targets.us: {foundation: {existing: other.yaml}}}}}\n"
    )
    files = {"one.yaml": ONE_CLUSTER, "other.yaml": {**OTHER_CLUSTER, **differs}}
    found = compared(text, files={name: FACTS.format(**values).encode() for name, values in files.items()})
    assert {b.path for b in found.causes} == paths
    assert found.same is (not paths)
    assert "targets.us.foundation.clusterEndpoint" in {i.path for i in found.ignored}


def test_a_foundation_of_its_own_beside_one_that_exists() -> None:
    """prod lacks the whole foundation stack because of its facts file, and who applies a stack is no cause of that."""
    text = HEAD + (
        "targets: {us: {provider: aws, region: us-east-1}}\n"
        "environments: {staging: {}, prod: {overlay: {targets.us: "
        "{delivery: gitops, foundation: {existing: other.yaml}}}}}\n"
    )
    found = compared(text, files={"other.yaml": FACTS.format(**OTHER_CLUSTER).encode()})
    assert {b.path for b in found.causes} == {"targets.us.delivery", "targets.us.foundation.existing"}
    assert {kind for kind, layer, _ in told(found) if layer == "foundation"} == {"lacks"}
    for stack in found.stacks:
        for step in stack.steps:
            if step.component != "targets.us.delivery" and not step.outputs:
                assert "targets.us.delivery" not in {b.path for b in step.because}
                assert step.because, step


def test_sites_are_compared_by_name_and_those_of_one_side_are_listed() -> None:
    """`bonn` is in both, with a context of its own in each; `ulm` and `kiel` are in one."""

    def sites(*names: str, prefix: str) -> str:
        return ", ".join(f"{{name: {n}, kubeContext: {prefix}-{n}, zone: west}}" for n in names)

    edge = f"provider: edge, sites: [{sites('bonn', 'kiel', prefix='shop')}], cache: {{models: 100Gi}}"
    overlay = f"targets.shops: {{sites: [{sites('bonn', 'ulm', prefix='trial')}]}}"
    found = compared(
        HEAD.replace("replicas: 2", "replicas: 1")
        + f"targets: {{shops: {{{edge}}}}}\nenvironments: {{staging: {{overlay: {{{overlay}}}}}, prod: {{}}}}\n"
    )
    assert found.same
    assert [s.name for s in found.stacks] == ["hello.prod.shops.bonn.workloads"]
    assert found.sites == (("prod", "shops", "kiel"), ("staging", "shops", "ulm"))


@pytest.mark.parametrize("words", [[], ["--layer", "workloads"], ["--target", "us"]])
def test_environments_with_nothing_in_common_are_not_the_same(words: list[str], tmp_path: Path) -> None:
    """A job that asks whether staging and prod are alike is not told yes because there was nothing to compare."""
    places = AWS.removesuffix("}\n") + f", dresden: {ON_PREM % 'dresden'}}}\n"
    environments = "environments: {staging: {targets: [us]}, prod: {targets: [dresden]}}\n"
    (tmp_path / "spec.yaml").write_text(HEAD + places + environments)
    asked = ["diff", "spec.yaml", "--from", "staging", "--to", "prod", *words]
    status, out, err = run([*asked, "--exit-code"], tmp_path)
    assert (status, "Nothing to compare" in out, "Next:" in out) == (3, True, False), out + err
    status, out, _ = run([*asked, "--format", "json"], tmp_path)
    assert (status, json.loads(out)["same"]) == (0, False)


def test_only_what_both_accounts_have_of_their_own_is_the_same_role() -> None:
    """The same role in each account is one that has to differ; a role of one fixed account is the same in both."""
    admins = 'targets.us: {account: "%s", api: {admins: ["arn:aws:iam::%s:role/admin"]}}'
    text = HEAD + AWS + "environments: {staging: {overlay: {%s}}, prod: {overlay: {%s}}}\n"
    one, other = "111111111111", "333333333333"
    own = compared(text % (admins % (one, one), admins % (other, other)))
    assert own.same
    assert {i.path for i in own.ignored} == {"targets.us.account", "targets.us.api.admins[0]"}
    shared = compared(text % (admins % (one, one), admins % (other, one)))
    assert shared.same and {i.path for i in shared.ignored} == {"targets.us.account"}
    foreign = compared(text % (admins % (one, other), admins % (other, one)))
    assert not foreign.same


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_in_a_spec_steers_a_terminal_or_becomes_markup(form: str) -> None:
    """A label with an escape sequence and markup is spelled out in every form."""
    hostile = '{"evil": "\\u001b[31m<script>alert(1)</script>"}'
    environments = f"environments: {{staging: {{}}, prod: {{overlay: {{serving.chat.env: {hostile}}}}}}}\n"
    found = compared(HEAD + AWS + environments)
    text = rendered(found, form, Reading(details=True))
    assert "\x1b" not in text
    assert not found.same
    outside = re.sub(r"^```+text$.*?^```+$", "", text, flags=re.MULTILINE | re.DOTALL)
    if form == "markdown":
        assert "<script>" not in outside


def test_colour_is_all_that_a_terminal_gets_more() -> None:
    """Without its SGR sequences the coloured text is the plain one."""
    found = compared(HEAD + AWS + "environments: {staging: {}, prod: {overlay: {serving.chat: null}}}\n")
    coloured, text = (rendered(found, "human", Reading(colour=colour)) for colour in (True, False))
    assert "\x1b[" in coloured and "\x1b" not in text
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == text


def test_a_comment_is_never_longer_than_a_forge_takes() -> None:
    """100 targets, each with a number of its own: rows are counted where there is no room, and none is cut."""
    names = [f"place-{n}" for n in range(100)]
    targets = "targets:\n" + "".join(
        f"  {name}: {{provider: on-prem, kubeContext: {name}, storage: {{shared: cephfs}}, addons: existing, "
        f"overlay: {{serving.chat.env: {{NUMBER: '{n}'}}}}}}\n"
        for n, name in enumerate(names)
    )
    contexts = ", ".join(f"targets.{name}: {{kubeContext: {name}-2}}" for name in names)
    more = ", ".join(f"KEY_{n}: 'value {n}'" for n in range(20))
    environments = (
        f"environments: {{staging: {{overlay: {{{contexts}, serving.chat.env: {{{more}, NUMBER: x}}}}}}, prod: {{}}}}\n"
    )
    found = compared(HEAD + targets + environments)
    assert len(found.groups) == 100
    text = rendered(found, "markdown", Reading())
    assert len(text) <= 65_000
    assert text.count("<details>") == text.count("</details>")
    rows = len(re.findall(r"^\| differs \|", text, re.MULTILINE))
    counted = sum(int(n.replace(",", "")) for n in re.findall(r"^and ([\d,]+) more rows", text, re.MULTILINE))
    assert rows and counted
