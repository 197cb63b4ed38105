"""Edge targets: sites, what runs at them, what their box holds, and plans of many of them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from components.graph import Graph, urn
from components.resolve.edge import cache_needed
from specs.diagnostics import Diagnostic
from stacks.bundle import bundle
from stacks.compilation import Compilation, CompiledStack, decode, encode
from stacks.compile import Compiled, compile_spec
from stacks.deployed import deployed
from stacks.manifest_layer import manifest_layer
from stacks.plan import Against, Plan, StackPlan, plan
from stacks.policy_report import report
from stacks.render.human_plan import human_plan
from stacks.state import read_state
from tests.case_runner import run
from tests.memory_files import MemoryFiles
from tests.state_files import exported

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = (ROOT / "specs" / "examples" / "store-edge.yaml").read_text(encoding="utf-8")
GIB = 2**30
GGUF_BYTES = 1_117_320_736
"""qwen2.5-1.5b-instruct-q4_k_m.gguf, as the hub lists it."""

THREE = "name,kubeContext,zone\nbonn,shop-bonn,de-west\nkiel,shop-kiel,de-north\nulm,shop-ulm,de-south\n"


def compiled(text: str = EXAMPLE, sites: str | bytes = THREE) -> Compiled:
    """Return the example, or a variant of it, with these sites."""
    data = sites if isinstance(sites, bytes) else sites.encode()
    return compile_spec(text.encode(), "store-edge.yaml", MemoryFiles({"shops.csv": data}))


def compilation(text: str = EXAMPLE, sites: str | bytes = THREE) -> Compilation:
    found = compiled(text, sites)
    assert found.compilation is not None, found.diagnostics
    return found.compilation


def changed(*edits: tuple[str, str]) -> str:
    """Return the example with each text replaced, which has to be there."""
    text = EXAMPLE
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return text


def at(found: Compilation, site: str) -> CompiledStack:
    return next(s for s in found.stacks if s.site == site)


def node(graph: Graph, kind: str, start: str = "") -> dict[str, Any]:
    """Return the one object of a kind whose component begins so."""
    (one,) = (n for n in graph.nodes if n.inputs.get("kind") == kind and n.component.startswith(start))
    return dict(one.inputs)


def many(count: int) -> str:
    return "name,kubeContext,zone\n" + "".join(f"shop-{n},context-{n},zone-{n % 7}\n" for n in range(count))


# --- sites ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        THREE,
        "\ufeff" + THREE,
        THREE.replace("\n", "\r\n"),
        THREE.replace("\n", "\r"),
        THREE.removesuffix("\n"),
        THREE.replace("\n", "\n\n , ,\n"),
        'zone,name,kubeContext\nde-west,bonn,"shop-bonn"\n de-north , kiel , shop-kiel \n"de-south",ulm,shop-ulm\n',
    ],
    ids=["plain", "byte order mark", "CRLF", "CR", "no last end", "empty lines", "columns in another order"],
)
def test_every_form_of_a_table_says_the_same_sites(written: str) -> None:
    """RFC 4180: either line end, quotes, a header in any order; Excel writes a byte order mark."""
    found = [(s.site, s.place) for s in compilation(sites=written).stacks if s.site]
    assert found == [(n, f"kubernetes of context shop-{n}") for n in ("bonn", "kiel", "ulm")]


def test_a_quoted_context_may_hold_commas_quotes_and_spaces() -> None:
    """What stands in quotes is one cell, and `""` in it is one quote."""
    sites = 'name,kubeContext,zone\nbonn,"admin@lab, ""old""",w\n'
    assert at(compilation(sites=sites), "bonn").place == 'kubernetes of context admin@lab, "old"'


def messages(found: Compiled) -> list[tuple[str, int, str]]:
    assert found.compilation is None
    return [(d.code, d.span.line, d.message) for d in found.diagnostics if d.is_error]


def test_every_wrong_row_is_one_error_at_its_line() -> None:
    """Rows that are right say nothing, and all that are wrong are told at once; a cell over two lines counts as two."""
    sites = 'name,kubeContext,zone\nBonn,a,w\nkiel,b,n\nulm,,s\n"hof\nsued",c,s\njena,d\ngera,e,"x y"\n'
    found = messages(compiled(sites=sites))
    assert [(code, line) for code, line, _ in found] == [("bad-site", n) for n in (2, 4, 5, 7, 8)]


def test_a_name_and_a_cluster_are_there_once() -> None:
    """A second row of a name or of a context is an error at that row."""
    sites = THREE + "bonn,other,w\nhof,shop-kiel,w\n"
    assert [m[:2] for m in messages(compiled(sites=sites))] == [("duplicate-entry", 5), ("same-cluster", 6)]


def test_two_targets_have_no_cluster_in_common() -> None:
    """A cluster that is a site of two targets of one environment would have every object twice."""
    kiosks = "  kiosks:\n    provider: edge\n    cache: {models: 9Gi}\n"
    second = f"{kiosks}    sites: [{{name: bonn, kubeContext: shop-bonn, zone: w}}]\n\nenvironments:"
    text = changed(("\nenvironments:", second), ("[hub, shops]}\n", "[hub, shops, kiosks]}\n"))
    assert [m[0] for m in messages(compiled(text.replace("targets: [shops]", "targets: [shops, kiosks]")))] == [
        "same-cluster"
    ]


def test_a_site_is_no_cluster_of_another_target() -> None:
    """An on-prem target of the same environment has its objects in that cluster."""
    cluster = "  kiosk: {provider: on-prem, kubeContext: shop-kiel, storage: {shared: cephfs}, addons: existing}\n"
    text = changed(("\nenvironments:", f"{cluster}\nenvironments:"), ("[hub, shops]}\n", "[hub, shops, kiosk]}\n"))
    (only,) = messages(compiled(text))
    assert only == ("same-cluster", 3, "`kiel` of `shops` and `kiosk` are one cluster")


def test_a_hundred_thousand_rows_are_refused_in_one_sentence() -> None:
    """The file is larger than a file beside a spec may be; nothing of it is read."""
    (only,) = messages(compiled(sites=many(100_000)))
    assert only == ("bad-sites", 1, "`shops.csv` is larger than 1,000,000 bytes")


def test_of_many_wrong_rows_the_first_hundred_are_told() -> None:
    """Five thousand errors help nobody: the rest is counted."""
    found = messages(compiled(sites=many(5000).replace(",zone-", ",zone ")))
    assert len(found) == 101
    assert found[-1][2] == "4,900 more rows are wrong"


# --- the graph of a site ----------------------------------------------------------------------------------------


def test_a_site_has_one_stack_with_five_parts_in_its_name() -> None:
    """design: `<spec>.<environment>.<target>.<site>.<layer>`."""
    found = compilation()
    assert [s.name for s in found.stacks if s.site] == [
        f"store-assistant.prod.shops.{n}.workloads" for n in ("bonn", "kiel", "ulm")
    ]
    graph = at(found, "kiel").graph
    assert graph.stack == "store-assistant.prod.shops.kiel.workloads"
    provider = graph.node("targets.shops/Provider/kubernetes")
    assert provider.inputs["context"] == "shop-kiel"
    assert provider.inputs["clusterIdentifier"] == "store-assistant.prod.shops.kiel"
    assert urn(graph, provider).startswith("urn:pulumi:store-assistant.prod.shops.kiel.workloads::llmform::")
    labels = node(graph, "Namespace")["metadata"]["labels"]
    assert (labels["llmform.dev/site"], labels["llmform.dev/zone"]) == ("kiel", "de-north")


PATCH = """
patches:
  - {match: namespaces/Namespace/workloads, merge: {metadata: {annotations: {team.example/desk: retail}}}}
  - {match: serving.shop/Service/shop, merge: {metadata: {annotations: {team.example/desk: retail}}}}
"""


def test_every_site_is_what_it_would_be_alone() -> None:
    """The graphs share all but the site's own nodes, and each is the one that is lowered whole where the site is the
    only one: nothing else depends on the site, and patches are applied everywhere."""
    together = compilation(EXAMPLE + PATCH)
    rows = THREE.splitlines()
    for row in rows[1:]:
        name = row.partition(",")[0]
        alone = at(compilation(EXAMPLE + PATCH, f"{rows[0]}\n{row}\n"), name)
        assert at(together, name).graph == alone.graph
        assert node(alone.graph, "Namespace")["metadata"]["annotations"] == {"team.example/desk": "retail"}


def test_a_thousand_sites_have_two_nodes_each_of_their_own() -> None:
    """Provider and Namespace name the site; everything else is in memory once."""
    stacks = [s for s in compilation(sites=many(1000)).stacks if s.site]
    distinct = {id(n) for s in stacks for n in s.graph.nodes}
    assert len(stacks) == 1000
    assert len(distinct) == len(stacks[0].graph.nodes) + 2 * 999
    assert {n.id for n in stacks[1].graph.nodes if n not in stacks[0].graph.nodes} < stacks[1].own


def test_weights_come_from_the_upstream_into_a_folder_of_the_box() -> None:
    """The Job reads what the hub has mirrored, under the same prefix, for as long as `offline.max`: 72 h = 259,200 s,
    and a failed container is tried again at least every 300 s: 259,200 / 300 = 864 times."""
    found = compilation()
    job = node(at(found, "bonn").graph, "Job")
    pod = job["spec"]["template"]["spec"]
    (hub,) = (s for s in found.stacks if s.target == "hub" and s.layer == "workloads")
    mirrors = [
        n.inputs["spec"]["template"]["spec"]["containers"][0]["args"]
        for n in hub.graph.nodes
        if n.inputs.get("kind") == "Job"
    ]
    mirrored = [a[2].removeprefix("--to=") for a in mirrors if "GGUF" in a[1]]
    assert pod["containers"][0]["args"][:2] == ["fetch", f"--from={mirrored[0]}"]
    assert mirrored[0].endswith("qwen2.5-1.5b-instruct-q4_k_m.gguf")
    assert (job["spec"]["activeDeadlineSeconds"], job["spec"]["backoffLimit"]) == (259_200, 864)
    assert pod["nodeSelector"] == {"llmform.dev/pool": "box"}
    secrets = {e["name"]: e["valueFrom"]["secretKeyRef"] for e in pod["containers"][0]["env"] if "valueFrom" in e}
    assert secrets == {k: {"name": "hub-weights", "key": k} for k in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    claim = node(at(found, "bonn").graph, "PersistentVolumeClaim")["spec"]
    # 1,117,320,736 bytes x 1.05 / 2^30 = 1.09, rounded up, and 1 GiB
    assert claim["resources"]["requests"]["storage"] == f"{ceil(GGUF_BYTES * 1.05 / GIB) + 1}Gi" == "3Gi"
    assert (claim["accessModes"], claim["storageClassName"]) == (["ReadWriteOnce"], "local-path")


def test_the_hub_mirrors_what_its_sites_serve_and_serves_its_own() -> None:
    """`serving.X.targets` keeps servers and pools apart; the upstream keeps the models that the sites fetch."""
    found = compilation()
    hub = {c.id for s in found.stacks if s.target == "hub" for c in s.graph.components}
    shop = {c.id for c in at(found, "bonn").graph.components}
    assert {"serving.large", "nodePools.l40s", "models.hub-chat", "models.edge-chat"} <= hub
    assert not {"serving.shop", "nodePools.box"} & hub
    assert {"serving.shop", "nodePools.box", "models.edge-chat"} <= shop
    assert not {"serving.large", "nodePools.l40s", "models.hub-chat"} & shop


def test_without_an_upstream_each_site_mirrors_from_the_hub_itself() -> None:
    """The Job then checks the file's SHA-256 itself, and needs no credentials of AWS."""
    text = changed(("    upstream: hub  ", "#"))
    container = node(at(compilation(text), "bonn").graph, "Job")["spec"]["template"]["spec"]["containers"][0]
    assert container["args"][0] == "mirror"
    assert "--sha256=6a1a2eb6d15622bf3c96857206351ba97e1af16c30d7a74ee38970e434e9407e" in container["args"]
    assert not [e for e in container["env"] if "valueFrom" in e]


def test_serving_needs_nothing_from_outside_the_box() -> None:
    """Offline a pod starts again: no init container, images that are there are used, no egress, no Secret."""
    graph = at(compilation(), "bonn").graph
    pod = node(graph, "Deployment")["spec"]["template"]["spec"]
    assert "initContainers" not in pod
    assert all(c["imagePullPolicy"] == "IfNotPresent" for c in pod["containers"])
    policy = node(graph, "NetworkPolicy", "serving.")["spec"]
    assert "Egress" in policy["policyTypes"] and "egress" not in policy  # no rule: nothing goes out
    assert not [e for c in pod["containers"] for e in c["env"] if "valueFrom" in e]
    assert pod["volumes"][0] == {
        "name": "weights",
        "persistentVolumeClaim": {
            "claimName": node(graph, "PersistentVolumeClaim")["metadata"]["name"],
            "readOnly": True,
        },
    }


def test_a_new_revision_has_a_volume_of_its_own_beside_the_old_one() -> None:
    """The old claim goes only when the graph no longer has it, and the engine deletes after everything else is
    updated: until the new pods are ready the old weights are there."""
    text = changed(("91cad51170dc346986eccefdc2dd33a9da36ead9", "0123456789abcdef0123456789abcdef01234567"))
    made = plan(compilation(), compilation(text), Against("git", "main"))
    edits = {
        (r.edit.id.partition("/")[2].rpartition("-")[0], r.action.name)
        for s in made.stacks
        if s.site == "bonn"
        for step in s.steps
        for r in step.edits
    }
    assert ("PersistentVolumeClaim/weights-edge-chat", "CREATE") in edits
    assert ("PersistentVolumeClaim/weights-edge-chat", "DELETE") in edits


def test_the_boxes_processors_are_asked_for_where_the_spec_says_them() -> None:
    """`arch` is the well-known node label; without it either processor does."""
    graph = at(compilation(changed(("    cache:", "    arch: arm64\n    cache:"))), "bonn").graph
    for kind in ("Deployment", "Job"):
        assert node(graph, kind)["spec"]["template"]["spec"]["nodeSelector"]["kubernetes.io/arch"] == "arm64"


def rollout(text: str) -> tuple[int, int, str]:
    pod = node(at(compilation(text), "bonn").graph, "Deployment")["spec"]
    update = pod["strategy"]["rollingUpdate"]
    return (
        update["maxSurge"],
        update["maxUnavailable"],
        pod["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"],
    )


def test_the_old_replica_serves_on_where_the_box_holds_two() -> None:
    """16 GiB x 7/8 - 1 = 13 GiB hold two of some 3 GiB; each then asks for (8 - 1) / 2 = 3 cores. 5 GiB x 7/8 - 1 =
    3.4 GiB hold one, which asks for all 7."""
    assert rollout(EXAMPLE) == (1, 0, "3")
    assert rollout(changed(("memory: 16Gi", "memory: 5Gi"))) == (0, 1, "7")


def test_the_cache_holds_the_largest_model_twice() -> None:
    """10 GiB and 4 GiB: (10 + 4 + 10) x 1.05 + 3 x 1 = 28.2 GiB; nothing without models."""
    assert cache_needed([10 * GIB, 4 * GIB]) == pytest.approx(28.2 * GIB, abs=3)
    assert cache_needed([]) == 0
    # 2 x (1.117 GB x 1.05 + 1 GiB) = 4.19 GiB
    assert cache_needed([GGUF_BYTES]) == pytest.approx(4.185 * GIB, rel=0.001)
    assert compiled(changed(("models: 20Gi", "models: 5Gi"))).compilation is not None
    assert [m[0] for m in messages(compiled(changed(("models: 20Gi", "models: 4Gi"))))] == ["cache-too-small"]


def warnings(text: str) -> list[Diagnostic]:
    return [d for d in compiled(text).diagnostics if d.code == "not-at-the-edge"]


def test_what_a_site_cannot_do_is_told_once_for_all_sites() -> None:
    """Stores, replicas and availability at a box are losses; under `require` they are errors."""
    replicas = ("targets: [shops]}", "targets: [shops], replicas: 2, objectives: {availability: 99.9%}}")
    text = changed(replicas, ("max: 1}", "max: 2}"))
    found = warnings(text)
    assert sorted(d.path for d in found) == ["serving.shop.objectives.availability", "serving.shop.replicas"]
    assert not any(d.is_error for d in found)
    required = warnings(text.replace("    cache:", "    require: [serving.shop.objectives]\n    cache:"))
    assert {d.path: d.is_error for d in required} == {
        "serving.shop.objectives.availability": True,
        "serving.shop.replicas": False,
    }


# --- plans of many sites ----------------------------------------------------------------------------------------


def ungrouped(found: Compilation) -> Compilation:
    """Return the compilation with every site as one that is not known to share anything with others."""
    return replace(found, stacks=tuple(replace(s, common=None, own=frozenset()) for s in found.stacks))


def alone(made: Plan) -> list[StackPlan]:
    return [replace(s, like="") for s in made.stacks]


ELSEWHERE = THREE.replace("shop-kiel,de-north", "shop-kiel,de-coast") + "hof,shop-hof,de-south\n"
BIGGER = changed(("cores: 8", "cores: 6"))
OTHER_OWNER = changed(("owner: retail-ml", "owner: stores"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, (EXAMPLE, THREE)),
        ((EXAMPLE, THREE), (EXAMPLE, THREE)),
        ((EXAMPLE, THREE), (BIGGER, THREE)),
        ((EXAMPLE, THREE), (OTHER_OWNER, THREE)),
        ((EXAMPLE, THREE), (EXAMPLE, ELSEWHERE)),
        ((EXAMPLE, THREE), (BIGGER, ELSEWHERE)),
        ((EXAMPLE, ELSEWHERE), (EXAMPLE, THREE)),
        ((EXAMPLE, THREE), (EXAMPLE, THREE.replace("shop-ulm", "shop-ulm-2"))),
    ],
    ids=["new", "same", "cores", "owner", "zone and a new site", "both", "a site goes", "another cluster"],
)
def test_grouping_changes_nothing_but_the_work(before: Any, after: Any) -> None:
    """Whatever changes, each site's plan is the one that it has when every site is planned by itself."""
    old, new = compilation(*before) if before else None, compilation(*after)
    against = Against("git", "main") if before else Against()
    grouped = plan(old, new, against)
    single = plan(ungrouped(old) if old else None, ungrouped(new), against)
    assert alone(grouped) == alone(single)
    assert all(not s.like for s in single.stacks)


def test_equal_sites_are_one_block_and_one_line() -> None:
    """A thousand stacks are told once; the counts are of all of them."""
    found = compilation(sites=many(1000))
    made = plan(None, found, Against())
    text = human_plan(made)
    assert text.count("store-assistant.prod.shops.shop-0.workloads") == 1
    assert "the same in 1,000 stacks, e.g. store-assistant.prod.shops.shop-1.workloads and" in text
    assert "1,000 sites, 1,003 stacks" in " ".join(text.split())
    assert len(text.splitlines()) < 120
    per_site = len(at(found, "shop-0").graph.nodes)
    hub = sum(len(s.graph.nodes) for s in found.stacks if not s.site)
    assert made.totals.add == 1000 * per_site + hub


def test_a_change_of_all_sites_names_some_and_counts_the_rest() -> None:
    """The block says what changes once, with the number of sites."""
    made = plan(compilation(sites=many(1000)), compilation(BIGGER, many(1000)), Against("git", "main"))
    text = " ".join(human_plan(made).split())
    assert "workloads of shops (1,000 sites: shop-0, shop-1, shop-10, shop-100, shop-101, …)" in text
    assert text.count("Deployment/shop") == 1


def test_a_site_that_goes_says_the_line_that_is_gone() -> None:
    """The cause is the site, not what was in it."""
    made = plan(compilation(), compilation(sites=THREE.replace("ulm,shop-ulm,de-south\n", "")), Against("git", "main"))
    (gone,) = (s for s in made.stacks if s.status == "removed")
    assert {b.path for step in gone.steps for b in step.because} == {"targets.shops.sites.ulm"}


def test_policies_say_of_each_site_what_they_say_of_it_alone() -> None:
    """Sites that share their graph are judged once, and each is named."""
    found = compiled()
    assert found.compilation is not None
    shared = report(found.compilation, found.loaded, "2026-11-21")
    single = report(ungrouped(found.compilation), found.loaded, "2026-11-21")
    assert [replace(f, stacks=tuple(sorted(f.stacks))) for f in shared.findings] == [
        replace(f, stacks=tuple(sorted(f.stacks))) for f in single.findings
    ]


# --- files, states, commands ------------------------------------------------------------------------------------


def test_a_recorded_compilation_keeps_the_sites() -> None:
    """`compile -o` and back: names and graphs are the same, whether sites were written whole or as differences, and
    sites still share what is equal."""
    found = compilation(sites=many(50))
    read = decode(encode(found))
    assert read == found == decode(encode(ungrouped(found)))
    assert encode(read) == encode(found)
    assert len(encode(found)) * 5 < len(encode(ungrouped(found)))
    assert plan(read, compilation(BIGGER, many(50)), Against("file", "c.json")).stacks[-1].like


def test_what_is_deployed_at_a_site_is_no_change() -> None:
    """`--against state:`: an export of a site's stack is matched by its name of five parts."""
    stack = at(compilation(), "kiel")
    side = deployed(read_state(json.dumps(exported(stack.graph)).encode(), "llmform"), stack).stack
    assert (side.target, side.site, side.name) == ("shops", "kiel", stack.name)
    found = compilation()
    only = replace(found, stacks=(stack,))
    made = plan(replace(found, stacks=(side,)), only, Against("state", "state"))
    assert made.empty, human_plan(made)


def test_sites_without_a_state_are_told_together(tmp_path: Path) -> None:
    """One export of six sites: the five others are one sentence, not five."""
    where = folder(tmp_path)
    _, out, _ = run(["compile", "store-edge.yaml", "--site", "bonn", "-o", "-"], where)
    (stack,) = decode(out).stacks
    (where / "bonn.json").write_text(json.dumps(exported(stack.graph)))
    status, out, err = run(["plan", "store-edge.yaml", "--target", "shops", "--against", "state:bonn.json"], where)
    told = " ".join(out.split())
    assert status == 0, err
    assert "5 stacks have no state here: all of each is shown as new" in told
    assert "5 stacks are new, 1 unchanged" in told


def test_a_site_that_the_spec_no_longer_has_is_placed_by_its_name() -> None:
    """The name of its stack is all that is known of it."""
    stack = at(compilation(), "ulm")
    side = deployed(read_state(json.dumps(exported(stack.graph)).encode(), "llmform"), None).stack
    assert side.somewhere == ("prod", "shops", "ulm")


def test_a_site_is_rendered_as_manifests() -> None:
    """The namespace comes first, and what serves waits for the Job that brings the weights."""
    layer = manifest_layer(at(compilation(), "bonn").graph, "workloads", {})
    waves = [[f.content["kind"] for f in wave] for wave in layer.waves]
    assert "Namespace" in waves[0]
    assert "Deployment" in waves[1]


def folder(tmp_path: Path) -> Path:
    for name in ("store-edge.yaml", "shops.csv"):
        shutil.copy(ROOT / "specs" / "examples" / name, tmp_path / name)
    (tmp_path / "Pulumi.yaml").write_text("name: llmform\nruntime: python\nstackConfigDir: config\n")
    return tmp_path


def test_every_site_has_a_stack_config_and_urns(tmp_path: Path) -> None:
    """`stacks --write` and `urns` work with names of five parts; `--site` chooses."""
    where = folder(tmp_path)
    status, out, _ = run(["stacks", "store-edge.yaml", "--site", "bonn"], where)
    assert (status, out.split()[0]) == (0, "store-assistant.prod.shops.bonn.workloads")
    assert run(["stacks", "store-edge.yaml", "--write"], where)[0] == 0
    assert len(list((where / "config").glob("Pulumi.store-assistant.prod.shops.*.workloads.yaml"))) == 6
    status, out, _ = run(["urns", "store-edge.yaml", "serving.shop", "--site", "bonn", "--format", "json"], where)
    assert status == 0
    assert json.loads(out)["stack"] == "store-assistant.prod.shops.bonn.workloads"
    status, _, err = run(["plan", "store-edge.yaml", "--site", "bon"], where)
    assert (status, "did you mean `bonn`" in err) == (2, True)


def test_a_bundle_lists_what_the_stacks_name_and_says_what_is_unknown(tmp_path: Path) -> None:
    """Every image of every pod, the file with its checksum and size; a tag has no digest, and nobody invents one."""
    status, out, _ = run(["bundle", "store-edge.yaml", "--target", "shops", "--format", "json"], folder(tmp_path))
    found = json.loads(out)
    assert status == 0
    assert found["stacks"] == 6
    assert [(i["reference"].partition(":")[0], i["platforms"]) for i in found["images"]] == [
        ("ghcr.io/ggml-org/llama.cpp", ["amd64", "arm64"]),
        ("ghcr.io/llmform/weights", ["amd64", "arm64"]),
    ]
    assert all(i["digest"] is None and i["size"] is None for i in found["images"])
    assert found["charts"] == []
    (weight,) = found["weights"]
    assert (weight["file"], weight["sha256"][:8], weight["size"]) == (
        "qwen2.5-1.5b-instruct-q4_k_m.gguf",
        "6a1a2eb6",
        GGUF_BYTES,
    )
    assert any("k3s itself" in sentence for sentence in found["unknown"])
    status, text, _ = run(["bundle", "store-edge.yaml", "--target", "shops"], folder(tmp_path))
    assert weight["sha256"] in text


def test_a_bundle_has_the_charts_and_digests_of_other_targets() -> None:
    """On AWS the operators are charts, and an image by digest keeps it."""
    digest = "sha256:" + "0" * 64
    patch = (
        "\npatches:\n  - match: serving.shop/Deployment/shop\n    json:\n"
        f"      - {{op: replace, path: /spec/template/spec/containers/0/image, value: 'own.example/llama@{digest}'}}\n"
    )
    found = compiled(EXAMPLE + patch)
    assert found.compilation is not None
    made = bundle(found.compilation, found.loaded)
    assert {c.name.rpartition("/")[2] for c in made.charts} >= {"karpenter", "nvidia-device-plugin"}
    assert [i.digest for i in made.images if i.reference.startswith("own.example")] == [digest]
