"""`llmform render`: a Kubernetes layer as files that people apply without Pulumi, and a folder that stays theirs."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from components.graph import (
    Component,
    Format,
    Graph,
    JsonText,
    Node,
    Options,
    Ref,
    StackOutput,
    assemble,
    kubernetes_object,
    references,
)
from specs.source import read
from specs.tree import plain
from stacks.compile import compile_spec
from stacks.files import DiskFiles
from stacks.helm_objects import RELEASE, helm_chart, helm_release
from stacks.manifest_layer import CannotRender, ManifestLayer, manifest_layer
from stacks.render.kubernetes_yaml import yaml_text
from stacks.render.manifest_files import manifest_files, mark
from tests.case_runner import run
from tests.oracles import kubernetes

EXAMPLES = Path(__file__).resolve().parent.parent / "specs" / "examples"

OUTPUTS = {("", "clusterSecurityGroupId"): "sg-0123456789abcdef0"}

DURATION = re.compile(r"([0-9]+(\.[0-9]+)?(ms|s|m|h))+")

FLUX: Mapping[str, Mapping[str, Any]] = {
    # the CRDs of fluxcd/helm-controller v1.4.0 and fluxcd/source-controller v1.7.0 (Flux 2.7), read 2026-11-21: the
    # fields that are written here, with their types; a text in a tuple is an enum
    "HelmRelease": {
        "interval": DURATION,
        "releaseName": re.compile(r".{1,53}"),
        "timeout": DURATION,
        "maxHistory": int,
        "chart": {
            "spec": {
                "chart": re.compile(r".{1,2048}"),
                "version": str,
                "sourceRef": {"kind": ("HelmRepository", "GitRepository", "Bucket"), "name": re.compile(".{1,253}")},
            }
        },
        "dependsOn": [{"name": str, "namespace": str}],
        "install": {
            "crds": ("Skip", "Create", "CreateReplace"),
            "disableWait": bool,
            "disableOpenAPIValidation": bool,
            "remediation": {"retries": int},
            "strategy": {"name": ("RemediateOnFailure", "RetryOnFailure")},
        },
        "upgrade": {
            "crds": ("Skip", "Create", "CreateReplace"),
            "disableWait": bool,
            "disableOpenAPIValidation": bool,
            "remediation": {"retries": int, "strategy": ("rollback", "uninstall")},
            "strategy": {"name": ("RemediateOnFailure", "RetryOnFailure")},
        },
        "values": Mapping,
    },
    "HelmRepository": {"url": re.compile("(http|https|oci)://.*"), "interval": DURATION, "type": ("default", "oci")},
}

GROUPS = {"HelmRelease": "helm.toolkit.fluxcd.io/v2", "HelmRepository": "source.toolkit.fluxcd.io/v1"}


def flux_problems(rule: Any, value: Any, path: str = "spec") -> list[str]:
    """Return what in a value the table of Flux's fields does not allow."""
    match rule:
        case re.Pattern():
            return [] if isinstance(value, str) and rule.fullmatch(value) else [f"{path}: {value!r}"]
        case tuple():
            return [] if value in rule else [f"{path}: {value!r}"]
        case list():
            return [p for i, item in enumerate(value) for p in flux_problems(rule[0], item, f"{path}[{i}]")]
        case type():
            return [] if isinstance(value, rule) else [f"{path}: {value!r}"]
        case _:
            unknown = [f"{path}.{key}: unknown" for key in value if key not in rule]
            return unknown + [
                p for key, item in value.items() if key in rule for p in flux_problems(rule[key], item, f"{path}.{key}")
            ]


def problems(manifest: dict[str, Any]) -> list[str]:
    """Return what its API server would refuse in a manifest."""
    kind = manifest["kind"]
    if GROUPS.get(kind) == manifest["apiVersion"]:
        return flux_problems(FLUX[kind], manifest["spec"])
    return kubernetes.problems(manifest)


def stacks_of_examples() -> list[Any]:
    """Return every Kubernetes stack of every example, as (name, layer, graph)."""
    found = []
    for path in sorted(EXAMPLES.glob("*.yaml")):
        made = compile_spec(path.read_bytes(), path.name, DiskFiles(path.parent)).compilation
        assert made is not None
        found += [
            pytest.param(s.layer, s.graph, id=f"{path.stem}:{s.name}") for s in made.stacks if s.layer != "foundation"
        ]
    return found


def objects(layer: ManifestLayer) -> dict[str, Any]:
    return {f.path: f.content for wave in layer.waves for f in wave}


@pytest.mark.parametrize(("layer", "graph"), stacks_of_examples())
@pytest.mark.parametrize("helm", ["none", "helmrelease"])
def test_the_files_are_the_graph(layer: str, graph: Graph, helm: str) -> None:
    """Each object is in one file as the graph has it; strict YAML reads it back; its API server takes it; each wave's
    list names all its files, whatever is needed first."""
    made = manifest_layer(graph, layer, OUTPUTS, helm)
    files = manifest_files(made, graph.stack)
    for path, content in objects(made).items():
        tree, found = read(files[path].encode(), path)
        assert tree is not None and not found, found
        assert plain(tree) == content == yaml.safe_load(files[path])
        assert problems(dict(content)) == [], path
    of_graph = [n for n in graph.nodes if kubernetes_object(n)]
    written = {f.node: f.content for wave in made.waves for f in wave}
    for node in of_graph:
        kept = node.options.protect or node.options.retain_on_delete or node.inputs["kind"] == "PersistentVolumeClaim"
        if not any(references(node.inputs)) and not kept:  # what is kept says so to Flux and Argo CD, tested below
            assert written[node.id] == node.inputs
    assert {n.id for n in of_graph} == {f.node for w in made.waves for f in w if graph.node(f.node).type != RELEASE}
    order = [f.node for wave in made.waves for f in wave]
    for node in of_graph:
        for need in node.needs:
            assert need not in order or order.index(need) < order.index(node.id), f"{need} after {node.id}"
    for wave in made.waves:
        folder = "wave-2/" if wave[0].path.startswith("wave-2/") else ""
        listed = yaml.safe_load(files[f"{folder}kustomization.yaml"])
        assert listed["resources"] == [f.path.removeprefix(folder) for f in wave]
        assert listed["sortOptions"] == {"order": "fifo"}


def test_what_needs_a_job_waits_in_a_wave_of_its_own() -> None:
    """A model server is not in the folder of the Job that mirrors its weights: on-prem it would load half of them."""
    [graph] = [p.values[1] for p in stacks_of_examples() if p.id == "on-prem:hello.default.dresden.workloads"]
    first, second = manifest_layer(graph, "workloads", {}).waves
    assert [f.content["kind"] for f in second] == ["Deployment"]
    assert {"Job", "PersistentVolumeClaim", "Service"} <= {f.content["kind"] for f in first}


def test_what_needs_a_release_waits_in_a_wave_of_its_own() -> None:
    """Karpenter's custom kinds are known when its release is ready: its objects are not in the folder of the release,
    since one unknown kind makes kubectl and Flux refuse the folder."""
    [graph] = [p.values[1] for p in stacks_of_examples() if p.id == "quickstart:hello.default.us-east-1.platform"]
    first, second = manifest_layer(graph, "platform", OUTPUTS, "helmrelease").waves
    assert {f.content["kind"] for f in second} == {"EC2NodeClass", "NodePool"}
    assert {"HelmRelease", "HelmRepository", "Namespace"} <= {f.content["kind"] for f in first}
    [alone] = manifest_layer(graph, "platform", OUTPUTS).waves
    assert {f.content["kind"] for f in second} <= {f.content["kind"] for f in alone}


def graph_of(*nodes: Node) -> Graph:
    components = {n.component for n in nodes}
    return assemble("s.d.t.workloads", (Component(c, "llmform:x:X", c) for c in components), nodes, {})


def config_map(name: str, data: Any, *needs: str, options: Options | None = None) -> Node:
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "n"}, "data": data}
    return Node(
        f"x/ConfigMap/{name}", "kubernetes:core/v1:ConfigMap", manifest, "x", "x", "", needs, options or Options()
    )


def test_values_of_lower_layers_are_filled_in() -> None:
    """An output of a lower layer stands in the manifest as a value, alone, in a text, and in a JSON text."""
    host, port = StackOutput("foundation", "host"), StackOutput("platform", "port")
    data = {"host": host, "url": Format(("http://", host, ":", port)), "json": JsonText({"p": port, "h": [host]})}
    graph = graph_of(config_map("a", data))
    made = manifest_layer(graph, "workloads", {("", "host"): "db", ("platform", "port"): 80.0})
    [content] = objects(made).values()
    assert content["data"] == {"host": "db", "url": "http://db:80", "json": '{"h":["db"],"p":80}'}


def test_missing_outputs_are_named_with_who_needs_them() -> None:
    """One error names every output that is not given, the layer, the objects, and the commands that print them."""
    host, port = StackOutput("foundation", "host"), StackOutput("platform", "port")
    graph = graph_of(config_map("a", {"x": host}), config_map("b", {"x": host, "y": port}))
    with pytest.raises(CannotRender) as found:
        manifest_layer(graph, "workloads", {("platform", "host"): "of another layer"})
    assert "`host` of the foundation layer (for x/ConfigMap/a, x/ConfigMap/b)" in found.value.message
    assert "`port` of the platform layer (for x/ConfigMap/b)" in found.value.message
    assert "pulumi stack output --json --stack s.d.t.foundation >foundation.json" in found.value.advice
    with pytest.raises(CannotRender) as found:
        manifest_layer(graph, "workloads", {("", "host"): "[secret]", ("", "port"): 1})
    assert "pulumi stack output --json --show-secrets --stack s.d.t.foundation" in found.value.advice


def test_what_only_the_cluster_knows_is_refused() -> None:
    """A reference to what an object says about itself is filled in; one to what the server makes is refused."""
    graph = graph_of(config_map("a", {}), config_map("b", {"x": Ref("x/ConfigMap/a", "metadata.name")}))
    assert objects(manifest_layer(graph, "workloads", {}))["x_ConfigMap_b.yaml"]["data"] == {"x": "a"}
    graph = graph_of(config_map("a", {}), config_map("b", {"x": Ref("x/ConfigMap/a", "metadata.uid")}))
    with pytest.raises(CannotRender) as found:
        manifest_layer(graph, "workloads", {})
    assert "x/ConfigMap/b" in found.value.message and "`metadata.uid` of x/ConfigMap/a" in found.value.message


def test_what_must_not_be_lost_is_not_pruned() -> None:
    """An object that Pulumi would refuse to delete, or leave behind, is one that Flux and Argo CD do not prune."""
    for options in (Options(protect=True), Options(retain_on_delete=True)):
        [content] = objects(manifest_layer(graph_of(config_map("a", {}, options=options)), "workloads", {})).values()
        assert content["metadata"]["annotations"] == {
            "kustomize.toolkit.fluxcd.io/prune": "disabled",
            "argocd.argoproj.io/sync-options": "Prune=false",
        }
        assert kubernetes.problems(dict(content)) == []


def test_not_being_pruned_is_added_to_what_the_user_says() -> None:
    """Argo CD's options are one list: that of the user stays, but for one that would prune."""
    node = config_map("a", {}, options=Options(protect=True))
    options = "ServerSideApply=true,Prune=true, Validate=false"
    node.inputs["metadata"]["annotations"] = {"argocd.argoproj.io/sync-options": options, "mine": "x"}
    [content] = objects(manifest_layer(graph_of(node), "workloads", {})).values()
    assert content["metadata"]["annotations"] == {
        "mine": "x",
        "kustomize.toolkit.fluxcd.io/prune": "disabled",
        "argocd.argoproj.io/sync-options": "ServerSideApply=true, Validate=false,Prune=false",
    }


def test_a_claim_is_not_pruned_under_the_servers_that_mount_it() -> None:
    """A new revision has a new claim, in the folder that is pruned before the servers move: the scheduler places no pod
    on a claim that is being deleted (kube-scheduler 1.34.4, plugin VolumeBinding). All else of it is the graph's."""
    [graph] = [p.values[1] for p in stacks_of_examples() if p.id == "on-prem:hello.default.dresden.workloads"]
    [claim] = [
        (f.content, graph.node(f.node).inputs)
        for wave in manifest_layer(graph, "workloads", {}).waves
        for f in wave
        if f.content["kind"] == "PersistentVolumeClaim"
    ]
    annotations = claim[0]["metadata"]["annotations"]
    assert annotations["kustomize.toolkit.fluxcd.io/prune"] == "disabled"
    metadata = {k: v for k, v in claim[0]["metadata"].items() if k != "annotations"}
    assert {**claim[0], "metadata": metadata} == claim[1]


@pytest.mark.parametrize("value", ["", "sg", "vpc-0123456789abcdef0", 17, {"a": 1}, ["sg-0123456789abcdef0"], True])
def test_an_output_that_cannot_be_one_is_refused(value: Any) -> None:
    """A value of another type or of another output is said before the API server finds out."""
    [graph] = [p.values[1] for p in stacks_of_examples() if p.id == "quickstart:hello.default.us-east-1.platform"]
    with pytest.raises(CannotRender) as found:
        manifest_layer(graph, "platform", {("", "clusterSecurityGroupId"): value})
    assert "`clusterSecurityGroupId` is " in found.value.message
    assert "cannot be the security group that EKS made for the cluster" in found.value.message
    assert "sg-0123456789abcdef0" in found.value.advice


def test_no_two_objects_share_a_file() -> None:
    """Names of objects that file systems do not like are written so that no two become one."""
    names = ["a:b", "a_b", "a~3ab", "a/b", "A", "é", "x" * 250, "x" * 249 + "y"]
    files = objects(manifest_layer(graph_of(*(config_map(n, {}) for n in names)), "workloads", {}))
    assert len(files) == len(names)
    assert all(re.fullmatch(r"[\w.~-]{1,205}", path, re.ASCII) for path in files)


RELEASE_INPUTS: dict[str, Any] = {
    "name": "operator",
    "namespace": "tools",
    "chart": "operator-chart",
    "repositoryOpts": {"repo": "https://charts.example.com"},
    "version": "1.2.3",
    "createNamespace": False,
    "atomic": True,
    "skipAwait": False,
    "timeout": 600,
    "maxHistory": 5,
    "values": {"a": {"b": "1e3"}},
}


def test_a_release_becomes_a_helm_release_of_flux() -> None:
    """Same name, namespace, chart, version and values; a failed upgrade rolls back; it waits for the releases it
    needs."""
    made = helm_release(RELEASE_INPUTS | {"skipCrds": True, "disableOpenapiValidation": True}, [("tools", "crds")])
    repository, release = made.objects
    assert made.unsaid == () and not made.refused
    assert problems(repository) == problems(release) == []
    assert repository["spec"]["url"] == "https://charts.example.com" and "type" not in repository["spec"]
    assert release["metadata"] == repository["metadata"] == {"name": "operator", "namespace": "tools"}
    spec = release["spec"]
    assert spec["releaseName"] == "operator"
    assert spec["chart"]["spec"] == {
        "chart": "operator-chart",
        "version": "1.2.3",
        "sourceRef": {"kind": "HelmRepository", "name": "operator"},
    }
    assert (spec["timeout"], spec["maxHistory"], spec["values"]) == ("600s", 5, {"a": {"b": "1e3"}})
    assert spec["dependsOn"] == [{"name": "crds", "namespace": "tools"}]
    assert spec["upgrade"]["remediation"]["strategy"] == "rollback"
    assert {spec[action]["crds"] for action in ("install", "upgrade")} == {"Skip"}
    assert {spec[action]["disableOpenAPIValidation"] for action in ("install", "upgrade")} == {True}


def test_a_release_that_is_not_atomic_is_never_uninstalled() -> None:
    """Without `atomic` Flux is given no remediation: that of an install uninstalls, and CRDs would take their objects
    with them. It still tries again, as an upgrade: its default is never to."""
    release = helm_release(RELEASE_INPUTS | {"atomic": False}, []).objects[1]
    assert problems(release) == []
    assert release["spec"]["install"] == release["spec"]["upgrade"] == {"strategy": {"name": "RetryOnFailure"}}
    assert "strategy" not in helm_release(RELEASE_INPUTS, []).objects[1]["spec"]["install"]


def test_a_chart_in_a_registry() -> None:
    """An OCI chart's address is split into repository and chart for Flux, and stays whole for helm-controller."""
    inputs = {k: v for k, v in RELEASE_INPUTS.items() if k != "repositoryOpts"}
    inputs["chart"] = "oci://registry.example.com/charts/operator"
    repository, release = helm_release(inputs, []).objects
    assert repository["spec"] == {"url": "oci://registry.example.com/charts", "type": "oci", "interval": "10m"}
    assert release["spec"]["chart"]["spec"]["chart"] == "operator"
    [chart] = helm_chart(inputs, []).objects
    assert chart["spec"]["chart"] == "oci://registry.example.com/charts/operator" and "repo" not in chart["spec"]


def test_a_release_becomes_a_helm_chart_of_k3s() -> None:
    """Same name, namespace, chart, version and values; a failed upgrade is not uninstalled; what the kind cannot say is
    listed, or refused where it would go wrong."""
    made = helm_chart(RELEASE_INPUTS, [])
    [chart] = made.objects
    assert problems(chart) == []
    assert chart["metadata"] == {"name": "operator", "namespace": "tools"}
    assert chart["spec"]["targetNamespace"] == "tools"
    assert (chart["spec"]["repo"], chart["spec"]["chart"]) == ("https://charts.example.com", "operator-chart")
    assert chart["spec"]["failurePolicy"] == "retry"
    assert yaml.safe_load(chart["spec"]["valuesContent"]) == {"a": {"b": "1e3"}}
    assert made.unsaid == ("atomic", "maxHistory")
    assert helm_chart(RELEASE_INPUTS | {"skipCrds": True}, []).refused
    assert helm_chart(RELEASE_INPUTS, [("tools", "crds")]).refused


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=3),
    max_leaves=8,
)
LOOKS = st.sampled_from(
    "1e3 0o17 0x1F 1_000 1:30 2026-11-21 yes No on y N ~ null .inf -.5 +1 0 1.0 = << - ? 12e45678 6d579285 a:\tb".split(
        " "
    )
)


@given(st.dictionaries(st.text(min_size=1, max_size=8) | LOOKS, JSON | LOOKS, max_size=4))
def test_every_reader_reads_the_same(value: dict[str, Any]) -> None:
    """YAML 1.1 and the strict reader, which takes no text that readers disagree about, give the value back."""
    text = yaml_text(value)
    assert yaml.safe_load(text) == value
    if value:
        tree, found = read(text.encode(), "x")
        assert tree is not None and not found and plain(tree) == value


@pytest.mark.parametrize("text", ["1e3", "0o17", "6e579285", "+1_0", "y", "Off", "1:30", "2026-11-21"])
def test_a_text_that_looks_like_a_number_is_quoted(text: str) -> None:
    """Go's YAML reader takes `1e3` and `0o17` for numbers although PyYAML writes them bare."""
    assert yaml_text({"a": text}) == f'a: "{text}"\n'


STACK = "hello.default.dresden.workloads"
RENDER = ["render", str(EXAMPLES / "on-prem.yaml"), "--stack", STACK, "-o", "out"]


def content(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        p.relative_to(folder).as_posix(): (p.read_bytes(), p.stat().st_mtime_ns)
        for p in folder.rglob("*")
        if p.is_file()
    }


def test_a_second_run_changes_no_byte(tmp_path: Path) -> None:
    """An unchanged stack is not written again, and the output says so."""
    status, out, err = run(RENDER, tmp_path)
    assert (status, err) == (0, "")
    before = content(tmp_path)
    assert out.startswith(f"{STACK}: 11 objects in out; 13 files written, 0 removed\n")
    status, out, _ = run(RENDER, tmp_path)
    assert out.startswith(f"{STACK}: 11 objects in out; 0 files written, 0 removed\n")
    assert content(tmp_path) == before


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    """Beside its own files stay those of the user: another manifest, a copy of one of its own, anything else."""
    run(RENDER, tmp_path)
    out = tmp_path / "out"
    mine = {"own.yaml": "kind: Mine\n", "README.md": "hello\n"}
    mine["copy.yaml"] = (out / "serving.chat_Service_chat.yaml").read_text()
    for name, text in mine.items():
        (out / name).write_text(text)
    run(RENDER, tmp_path)
    assert {name: (out / name).read_text() for name in mine} == mine


def test_its_own_files_go_when_the_object_goes(tmp_path: Path) -> None:
    """A file that an earlier run wrote and the stack no longer has is removed, with the folder of a wave."""
    run(RENDER, tmp_path)
    spec = (EXAMPLES / "on-prem.yaml").read_text()
    (tmp_path / "spec.yaml").write_text(
        spec.replace("\n  chat: {model", "\n  talk: {model").replace("\n  chat:\n    model", "\n  talk:\n    model")
    )
    status, out, err = run(["render", "spec.yaml", *RENDER[2:]], tmp_path)
    assert status == 0, err
    assert ", 5 removed" in out
    names = {p.name for p in (tmp_path / "out").rglob("*")}
    assert not [n for n in names if n.startswith("serving.chat_")]
    assert len([n for n in names if n.startswith("serving.talk_")]) == 5


def test_a_wave_that_is_no_longer_needed_goes(tmp_path: Path) -> None:
    """Without objects that wait for a release the second folder is gone."""
    (tmp_path / "f.json").write_text(json.dumps({"clusterSecurityGroupId": "sg-0123456789abcdef0"}))
    arguments = ["render", str(EXAMPLES / "quickstart.yaml"), "--layer", "platform", "-o", "out", "--outputs", "f.json"]
    run([*arguments, "--helm", "helmrelease"], tmp_path)
    assert (tmp_path / "out" / "wave-2" / "kustomization.yaml").is_file()
    status, out, _ = run(arguments, tmp_path)
    assert status == 0 and not (tmp_path / "out" / "wave-2").exists()
    assert "addons.karpenter/Release/karpenter  " in out and "has to be there before nodePools.l40s/EC2NodeClass" in out


def test_a_file_in_the_way_stops_all(tmp_path: Path) -> None:
    """A file of that name which llmform did not write, or wrote from another stack, stays, and nothing is written."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "kustomization.yaml").write_text("resources: []\n")
    status, out, err = run(RENDER, tmp_path)
    assert (status, out) == (2, "")
    assert err.startswith(f"error: not written by `llmform render` from `{STACK}`: `out/kustomization.yaml`; no file")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["kustomization.yaml"]
    (tmp_path / "out" / "kustomization.yaml").unlink()
    run(RENDER, tmp_path)
    before = content(tmp_path)
    other = (EXAMPLES / "on-prem.yaml").read_text().replace("name: hello", "name: other")
    (tmp_path / "other.yaml").write_text(other)
    assert run(["render", "other.yaml", "-o", "out"], tmp_path)[0] == 2
    (tmp_path / "other.yaml").unlink()
    assert content(tmp_path) == before


@pytest.mark.parametrize("name", ["kustomization.yaml", "wave-2", "wave-2/kustomization.yaml"])
@pytest.mark.parametrize("kind", ["file", "its own, no text", "link to nothing", "link to a folder"])
def test_whatever_is_in_the_way_stops_all(name: str, kind: str, tmp_path: Path) -> None:
    """A file or a link where a folder has to be, a folder or a link where a file has to be, a file of its own with what
    is no text: one error that names it, and no file is written."""
    path = tmp_path / "out" / name
    path.parent.mkdir(parents=True)
    match kind:
        case "file":
            path.write_text("mine\n")
        case "link to nothing":
            path.symlink_to("nothing")
        case "link to a folder":
            path.symlink_to(tmp_path)
        case _:
            path.write_bytes(f"{mark(name, STACK)}\n".encode() + b"#" * 9000 + b"\xff")
    before = sorted(p.relative_to(tmp_path).as_posix() for p in (tmp_path / "out").rglob("*"))
    status, out, err = run(RENDER, tmp_path)
    assert (status, out) == (2, "")
    assert f"`out/{name}`" in err and "no file was changed" in err and err.count("error:") == 1
    assert sorted(p.relative_to(tmp_path).as_posix() for p in (tmp_path / "out").rglob("*")) == before


def test_line_ends_of_a_checkout_are_no_difference(tmp_path: Path) -> None:
    """A checkout that turned the line ends to those of Windows is not written anew."""
    run(RENDER, tmp_path)
    for path in (tmp_path / "out").rglob("*.yaml"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert "; 0 files written, 0 removed" in run(RENDER, tmp_path)[1]


@pytest.mark.parametrize("after", [0, 1, 10, 11, 12])
def test_an_interrupted_run_leaves_whole_files(after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted between any two files, each file is whole, a list names only files that are there, and the next run
    finishes."""
    (tmp_path / "whole").mkdir()
    run([*RENDER[:-1], "../whole"], tmp_path / "whole")
    replace, calls = os.replace, [0]

    def interrupted(*arguments: Any) -> None:
        if calls[0] == after:
            raise KeyboardInterrupt
        calls[0] += 1
        replace(*arguments)

    monkeypatch.setattr(os, "replace", interrupted)
    assert run(RENDER, tmp_path)[0] == 130
    monkeypatch.undo()
    wanted = {name: data for name, (data, _) in content(tmp_path / "whole").items()}
    there = {name: data for name, (data, _) in content(tmp_path / "out").items()}
    assert len(there) == after and there.items() <= wanted.items()
    for name in [n for n in there if n.endswith("kustomization.yaml")]:
        folder = name.removesuffix("kustomization.yaml")
        assert {folder + path for path in yaml.safe_load(there[name])["resources"]} <= there.keys()
    run(RENDER, tmp_path)
    assert {name: data for name, (data, _) in content(tmp_path / "out").items()} == wanted


def test_what_cannot_be_rendered_is_said_once(tmp_path: Path) -> None:
    """A foundation, missing outputs, outputs that are none, several stacks: one error each, and nothing is written."""
    spec = str(EXAMPLES / "quickstart.yaml")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "text.json").write_text('{"a":1,\n  b')
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe{\0")
    (tmp_path / "wrong.json").write_text('{"clusterSecurityGroupId": "vpc-0123456789abcdef0"}')
    (tmp_path / "a.json").write_text('{"clusterSecurityGroupId": "sg-0123456789abcdef0"}')
    (tmp_path / "b.json").write_text('{"clusterSecurityGroupId": "sg-0fedcba9876543210"}')
    platform = ["--layer", "platform", "-o", "out"]
    for status, words, arguments in (
        (1, "is a foundation: AWS resources", ["--layer", "foundation", "-o", "out"]),
        (1, "needs `clusterSecurityGroupId` of the foundation layer (for nodePools.l40s/EC2NodeClass/l40s)", platform),
        (1, "is not a map of outputs", [*platform, "--outputs", "list.json"]),
        (1, "text.json:2:3: not JSON: ", [*platform, "--outputs", "text.json"]),
        (1, "`bytes.json` is not JSON", [*platform, "--outputs", "bytes.json"]),
        (1, "which cannot be the security group", [*platform, "--outputs", "wrong.json"]),
        (2, "`` is no folder", ["--layer", "workloads", "-o", ""]),
        (2, "`-` is no folder", ["--layer", "workloads", "-o", "-"]),
        (2, "`list.json` is no folder", ["--layer", "workloads", "-o", "list.json"]),
        (2, "cannot be read", [*platform, "--outputs", "none.json"]),
        (2, "two values for `clusterSecurityGroupId`", [*platform, "--outputs", "a.json", "--outputs", "b.json"]),
        (2, "3 stacks are selected", ["-o", "out"]),
        (1, "a HelmChart cannot leave out the CRDs", [*platform, "--outputs", "a.json", "--helm", "helmchart"]),
    ):
        found = run(["render", spec, *arguments], tmp_path)
        assert (found[0], found[1]) == (status, ""), arguments
        assert words in found[2] and found[2].count("error:") == 1
        assert not (tmp_path / "out").exists()
    assert (
        run(["render", spec, *platform, "--outputs", "foundation=a.json", "--outputs", "platform=b.json"], tmp_path)[0]
        == 0
    )


def test_resources_that_are_no_objects_are_listed(tmp_path: Path) -> None:
    """A managed node group in a platform stack is AWS's: the output says that it is not in the folder."""
    (tmp_path / "f.json").write_text(json.dumps({"clusterSecurityGroupId": "sg-0123456789abcdef0"}))
    stack = "assistant.prod.us-east-1.platform"
    arguments = ["render", str(EXAMPLES / "environments.yaml"), "--stack", stack, "-o", "out", "--outputs", "f.json"]
    status, out, _ = run(arguments, tmp_path)
    assert status == 0
    assert "nodePools.l40s/NodeGroup/l40s  aws:eks/nodeGroup:NodeGroup" in out
    assert not list((tmp_path / "out").glob("*NodeGroup*"))


def test_one_owner_is_asked_for(tmp_path: Path) -> None:
    """A stack that `pulumi up` would deploy too is rendered, and the output says how it gets one owner."""
    assert "`targets.dresden.delivery: gitops`" in run(RENDER, tmp_path)[1]
    spec = (
        (EXAMPLES / "on-prem.yaml").read_text().replace("provider: on-prem", "provider: on-prem\n    delivery: gitops")
    )
    (tmp_path / "spec.yaml").write_text(spec)
    status, out, err = run(["render", "spec.yaml", *RENDER[2:]], tmp_path)
    assert status == 0 and "one owner" not in out, err
