"""Properties of the whole compiler, on any valid spec that `tests/strategies.py` can write."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from typing import Any

import yaml
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from components.graph import Graph, kubernetes_object
from components.graph_json import canonical, encode_graph, encode_value
from components.invariants import broken, object_key
from components.workloads.engines.vllm_arguments import arguments
from specs.load import load
from specs.schema.base import Section
from specs.schema.spec import Spec
from specs.schema.walk import options
from specs.tree import plain
from stacks.compilation import Compilation, decode, encode
from stacks.compile import compile_spec
from stacks.diff import diff
from stacks.edits import apply, material
from tests.memory_files import MemoryFiles
from tests.oracles import aws, kubernetes, release, vllm
from tests.platforms import SERVER
from tests.strategies import FLAGS, Written, argument_values, aws_targets, on_prem_targets, specs, with_partners

QUICK = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
"""A compilation takes some ten milliseconds; 25 of them a property keep all of this within a minute."""


def compiled(written: Written) -> Compilation:
    """Return the compilation of a valid spec; its diagnostics if it has errors."""
    found = compile_spec(written.data, "spec.yaml", written.folder)
    assert found.compilation is not None, (found.diagnostics, written.value)
    return found.compilation


def graphs(compilation: Compilation) -> dict[str, str]:
    """Return the one text of every graph by its stack."""
    return {s.name: canonical(encode_graph(s.graph)) for s in compilation.stacks}


def changed(written: Written, **keys: Any) -> Written:
    """Return the spec with some top-level keys set."""
    return replace(written, value={**written.value, **keys})


# --- the strategy itself ----------------------------------------------------------------------------------------


def schema_keys(section: type[Section], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every key of the schema; `*` stands for a name or a position, targets are told apart by
    provider."""
    for name, info in section.model_fields.items():
        key = (*path, info.alias or name)
        yield key
        below = [b for option in options(info.annotation) for b in _sections(option)]
        for one, mark in below:
            provider = one.model_fields.get("provider")
            where = (
                (*key, *mark)
                if provider is None
                else (*key, *mark, f"provider={options(provider.annotation)[0].__args__[0]}")
            )
            yield from schema_keys(one, where)


def _sections(annotation: Any) -> Iterator[tuple[type[Section], tuple[str, ...]]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation, ()
    arguments = getattr(annotation, "__args__", ())
    if getattr(annotation, "__origin__", None) in (dict, tuple) and arguments:
        inner = arguments[1] if annotation.__origin__ is dict else arguments[0]
        for option in options(inner):
            for one, mark in _sections(option):
                yield one, ("*", *mark)


def written_keys(value: Any, known: set[tuple[str, ...]], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every key of a value, written as `schema_keys` does."""
    if isinstance(value, dict):
        if f"provider={value.get('provider')}" in {k[-2] for k in known if k[:-2] == path and len(k) > 1}:
            path = (*path, f"provider={value['provider']}")
        for key, item in value.items():
            here = (*path, key) if (*path, key) in known else (*path, "*")
            yield here
            yield from written_keys(item, known, here)
    elif isinstance(value, list):
        for item in value:
            yield from written_keys(item, known, (*path, "*"))


def test_the_strategy_writes_every_key_of_the_schema() -> None:
    """A key that no generated spec has is a key that no property covers."""
    wanted = set(schema_keys(Spec))
    assert ("targets", "*", "provider=on-prem", "storage", "shared") in wanted
    assert ("patches", "*", "json", "*", "from") in wanted
    seen: set[tuple[str, ...]] = set()

    @settings(
        max_examples=400,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(specs())
    def collect(written: Written) -> None:
        seen.update(written_keys(written.value, wanted))
        if wanted <= seen:
            raise StopIteration  # nothing more to see

    with suppress(StopIteration):
        collect()
    assert wanted - seen == set()


@QUICK
@given(specs())
def test_a_valid_spec_loads_and_compiles_without_errors(written: Written) -> None:
    """Every stack of it is sound, and so is its way through the recorded form."""
    compilation = compiled(written)
    names = [s.name for s in compilation.stacks]
    assert len(names) == len(set(names))
    for stack in compilation.stacks:
        assert broken(stack.graph) == ()
        assert stack.graph.stack == stack.name
        ids = [n.id for n in stack.graph.nodes]
        assert len(ids) == len(set(ids))
    assert decode(encode(compilation)) == compilation


# --- what the target systems say --------------------------------------------------------------------------------


def judged(graph: Graph) -> Iterator[str]:
    """Yield what API server, AWS provider, Helm or vLLM would refuse in a graph."""
    for node in graph.nodes:
        inputs = encode_value(node.inputs)
        if kubernetes_object(node):
            problems = kubernetes.problems(inputs)
            for container in inputs.get("spec", {}).get("template", {}).get("spec", {}).get("containers", ()):
                if container.get("command") == ["vllm", "serve"]:
                    problems = [*problems, *vllm.problems(container["args"])]
        elif node.type.startswith("kubernetes:") or node.type == "pulumi:providers:kubernetes":
            problems = release.problems(node.type, inputs)
        else:
            problems = aws.problems(node.type, inputs)
        yield from (f"{node.id}: {p}" for p in problems)


@settings(QUICK, max_examples=15)
@given(specs())
def test_every_object_and_resource_is_one_that_its_system_takes(written: Written) -> None:
    """Checked against recorded schemas of the API server and CRDs, the provider's classes, and vLLM's own parser."""
    seen: set[tuple[str, str]] = set()
    for stack in compiled(written).stacks:
        if (stack.target, stack.layer) in seen:
            continue  # the same target in another environment has the same shapes
        seen.add((stack.target, stack.layer))
        assert list(judged(stack.graph)) == []


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_vllm_takes_every_argument_that_passes_the_check(data: st.DataObject) -> None:
    """For each recorded flag: a value that the spec may give is one that the recorded parser reads."""
    flag = data.draw(st.sampled_from(FLAGS))
    args = with_partners({flag.name: data.draw(argument_values(flag))})
    server = replace(SERVER, engine_version="0.32.0", args=args)
    assert vllm.problems(arguments(server, "/weights", 8000)) == []


def test_a_flag_that_may_be_repeated_is_repeated_for_a_list() -> None:
    """`--middleware` takes one value each time (argparse: append); others take all of theirs after one flag (nargs
    +)."""
    server = replace(
        SERVER, engine_version="0.32.0", args={"middleware": ("a.b", "c.d"), "lora-modules": ("a=/x", "b=/y")}
    )
    words = arguments(server, "/weights", 8000)
    assert words[-5:] == ["--lora-modules", "a=/x", "b=/y", "--middleware=a.b", "--middleware=c.d"]


# --- one meaning, many texts ------------------------------------------------------------------------------------


class Quoting(yaml.SafeDumper):
    """Writes text in quotes wherever a reader of some version of YAML could take it for something else (`n`, `1_0`)."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = re.fullmatch(r"[a-z][A-Za-z]{3,}", text) and text.lower() not in ("true", "false", "null")
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


Quoting.add_representer(str, _text)


def yaml_text(value: Any, flow: bool = False) -> str:
    """Return the value as YAML, in block or flow form."""
    return str(
        yaml.dump(value, Dumper=Quoting, sort_keys=False, default_flow_style=flow, allow_unicode=False, width=10_000)
    )


def shuffled(value: Any, data: st.DataObject) -> Any:
    """Return the value with the keys of its maps in another order; lists keep theirs."""
    if isinstance(value, dict):
        keys = data.draw(st.permutations(sorted(value)))
        return {k: shuffled(value[k], data) for k in keys}
    return [shuffled(v, data) for v in value] if isinstance(value, list) else value


def commented(text: str) -> str:
    """Return block YAML with a comment and an empty line before every top-level key."""
    return "".join(
        f"\n# what follows\n{line}" if line[:1].isalpha() else line for line in text.splitlines(keepends=True)
    )


@QUICK
@given(specs(), st.data())
def test_order_comments_and_form_of_the_text_mean_nothing(written: Written, data: st.DataObject) -> None:
    """JSON, block YAML and flow YAML of one value are one set of graphs."""
    value = shuffled(written.value, data)
    block, flow = yaml_text(value), yaml_text(value, flow=True)
    expected = graphs(compiled(written))
    for text in (json.dumps(value, indent=2), commented(block), flow.replace("\n", "\r\n")):
        found = compile_spec(text.encode(), "other.yaml", written.folder)
        assert found.compilation is not None, (found.diagnostics, text)
        assert graphs(found.compilation) == expected


# --- overlays ---------------------------------------------------------------------------------------------------


@QUICK
@given(specs())
def test_an_empty_overlay_changes_nothing(written: Written) -> None:
    """Neither a target's nor an environment's."""
    value = deepcopy(written.value)
    for section in ("targets", "environments"):
        for entry in value.get(section, {}).values():
            entry.setdefault("overlay", {})
    assert graphs(compiled(replace(written, value=value))) == graphs(compiled(written))


def naive(value: dict[str, Any], target: str, environment: str) -> dict[str, Any]:
    """Return what holds in one place by the words of the language: spec < target's overlay < environment's overlay."""
    here = deepcopy(value)
    _spell_out(here)
    for section, name in (("targets", target), ("environments", environment)):
        overlay = value.get(section, {}).get(name, {}).get("overlay", {})
        for path, change in overlay.items():
            nested = change
            for part in reversed(path.split(".")):
                nested = {part: nested}
            _spell_out(nested)
            _merge(here, nested)
    here.pop("environments", None)
    here["targets"] = {target: here["targets"][target]}
    here["targets"][target].pop("overlay", None)
    return here


def _spell_out(value: dict[str, Any]) -> None:
    for name, model in (value.get("models") or {}).items():
        if isinstance(model, str):
            value["models"][name] = {"source": model}
    for entry in (value.get("targets") or {}).values():
        if isinstance(entry.get("addons"), str):
            entry["addons"] = {"default": entry["addons"]}


def _merge(base: dict[str, Any], change: dict[str, Any]) -> None:
    for key, value in change.items():
        if value is None:
            base.pop(key, None)
        elif isinstance(value, dict):
            if not isinstance(base.get(key), dict):
                base[key] = {}
            _merge(base[key], value)
        else:
            base[key] = deepcopy(value)


@settings(QUICK, max_examples=50)
@given(specs(patched=False))
def test_overlays_merge_as_the_language_says(written: Written) -> None:
    """Target before environment: maps merge, lists and scalars replace, null removes."""
    loaded = load(written.data, "spec.yaml")
    assert loaded.cases
    for case in loaded.cases:
        expected = naive(written.value, case.target, case.environment)
        assert Spec.model_validate(plain(case.tree)) == Spec.model_validate(expected)


# --- one thing at a time ----------------------------------------------------------------------------------------


@QUICK
@given(specs(shared=False), st.data())
def test_another_environment_changes_no_other(written: Written, data: st.DataObject) -> None:
    """What runs elsewhere is none of an environment's business; in a cluster that exists both would meet."""
    before = written.value.get("environments") or {"default": {}}
    entry = data.draw(
        st.sampled_from(({}, {"targets": [sorted(written.value["targets"])[0]]}, {"overlay": {"owner": "new"}}))
    )
    assume("another" not in before)
    old, new = (
        graphs(compiled(changed(written, environments=before))),
        graphs(compiled(changed(written, environments={**before, "another": entry}))),
    )
    assert {name: text for name, text in new.items() if ".another." not in name} == old
    assert len(new) > len(old)


@QUICK
@given(specs(), st.data())
def test_another_target_changes_no_other(written: Written, data: st.DataObject) -> None:
    """A new region or cluster leaves every graph of the others as it is."""
    name, like = "another", data.draw(st.sampled_from(sorted(written.value["targets"].values(), key=str)))
    assume(name not in written.value["targets"])
    assume(like["provider"] != "edge")  # a site's servers need a cache that their overlay fits
    target = data.draw(aws_targets() if like["provider"] == "aws" else on_prem_targets()) | {
        "overlay": like.get("overlay", {})
    }
    if target["provider"] == "on-prem":
        target |= {"kubeContext": "another", "addons": "existing"}
    elif any(s.get("runtime") == "kserve" for s in written.value.get("serving", {}).values()):
        given = target.get("addons", {})  # those servers run there too
        target["addons"] = ({"default": given} if isinstance(given, str) else given) | {"kserve": "existing"}
    old = compiled(written)
    new = compiled(changed(written, targets={**written.value["targets"], name: target}))
    kept = {s.name for s in old.stacks}
    assert {n: text for n, text in graphs(new).items() if n in kept} == graphs(old)


@QUICK
@given(specs(), st.data())
def test_removing_a_server_removes_only_its_own(written: Written, data: st.DataObject) -> None:
    """Its component goes with its nodes; other servers' objects stay as they are."""
    if not written.value.get("serving"):
        return
    name = data.draw(st.sampled_from(sorted(written.value["serving"])))
    value = deepcopy(written.value)
    del value["serving"][name]
    value["patches"] = [p for p in value.get("patches", []) if not p["match"].startswith(f"serving.{name}/")]
    value["adopt"] = {n: a for n, a in value.get("adopt", {}).items() if not n.startswith(f"serving.{name}/")}
    value["moved"] = {old: new for old, new in value.get("moved", {}).items() if new != f"serving.{name}"}
    for entry in (*value["targets"].values(), *value.get("environments", {}).values()):
        overlay = entry.get("overlay", {})
        entry["overlay"] = {k: v for k, v in overlay.items() if k.split(".")[:2] != ["serving", name]}
    old, new = compiled(written), compiled(replace(written, value=value))
    left = {s.name: s.graph for s in new.stacks}
    for stack in old.stacks:
        ids = {n.id for n in left[stack.name].nodes} if stack.name in left else set()
        gone = {n.id for n in stack.graph.nodes} - ids
        if stack.name in left:
            own = {f"serving.{name}"} | _only_elsewhere(
                naive(value, stack.target, stack.environment), stack.target, written.value["serving"][name]
            )
            assert {i.partition("/")[0] for i in gone} <= own
        others = {n.id: n for n in stack.graph.nodes if n.component.startswith("serving.") and n.id in ids}
        assert all(left[stack.name].node(i).id == i for i in others)


def _only_elsewhere(here: dict[str, Any], target: str, gone: dict[str, Any]) -> set[str]:
    """Return what goes from a target with a server: model and pool are where a server of theirs runs, by `targets`.

    What no server names at all is everywhere.
    """

    def away(key: str, entry: str) -> bool:
        of_it = [s for s in here.get("serving", {}).values() if s[key] == entry]
        return bool(of_it) and all(target not in s.get("targets", (target,)) for s in of_it)

    found = {f"nodePools.{gone['pool']}"} if away("pool", gone["pool"]) else set()
    existing = "foundation" in here["targets"][target]
    if found and all(away("pool", n) for n, p in here["nodePools"].items() if existing or p.get("min")):
        found.add(f"targets.{target}")  # what only node groups ask for: facts of the foundation, the AWS provider
    if away("model", gone["model"]):
        found.add(f"models.{gone['model']}")
        mirrored = [n for n, m in here["models"].items() if m.get("weights") != "baked"]
        if all(away("model", n) for n in mirrored):  # nothing is left to mirror, to keep or to read
            found |= {"models", "stores.weights", "weights-mirror"}
    return found


# --- two compilations -------------------------------------------------------------------------------------------


@QUICK
@given(specs(), st.data())
def test_a_diff_leads_from_one_spec_to_a_related_one(written: Written, data: st.DataObject) -> None:
    """Nothing differs from itself, and the edits make the second graph of the first."""
    value = deepcopy(written.value)
    for _ in range(data.draw(st.integers(1, 3))):
        _edit(value, data)
    other = compile_spec(json.dumps(value).encode(), "spec.yaml", written.folder).compilation
    assume(other is not None)
    assert other is not None
    before = {s.name: s.graph for s in compiled(written).stacks}
    for graph in before.values():
        assert diff(graph, graph) == ()
    for stack in other.stacks:
        if stack.name in before:
            old = before[stack.name]
            assert canonical(encode_graph(material(apply(diff(old, stack.graph), old)))) == canonical(
                encode_graph(material(stack.graph))
            )


def _edit(value: dict[str, Any], data: st.DataObject) -> None:
    """Change something that people change."""
    kind = data.draw(st.sampled_from(("owner", "label", "max", "replicas", "revision", "rename", "drop", "env")))
    servers, pools, models = (list(value.get(k, {}).values()) for k in ("serving", "nodePools", "models"))
    match kind:
        case "owner":
            value["owner"] = data.draw(st.sampled_from(("", "b", "c")))
        case "label":
            value["labels"] = {**value.get("labels", {}), "changed": "yes"}
        case "max" if pools:
            pools[0]["max"] += 1
        case "replicas" if servers:
            servers[0]["replicas"] = 1
        case "env" if servers:
            servers[0]["env"] = {"A": "1", "B": "2"}
        case "revision" if models and isinstance(models[0], dict) and "revision" in models[0]:
            models[0]["revision"] = "f" * 40
        case "rename" if servers:
            old = next(iter(value["serving"]))
            value["serving"]["renamed"] = value["serving"].pop(old)
        case "drop":
            value.pop("stores", None)


def _accounts(compilation: Compilation) -> dict[str, str]:
    """Return where each stack's AWS resources are: the account, of which one that is not named may be any."""
    return {s.name: str(s.values.get(f"targets.{s.target}.account", "")) for s in compilation.stacks}


# inputs that hold a physical name which is one in an account (and region), by type
_PHYSICAL = {
    "aws:s3/bucket:Bucket": "bucket",
    "aws:iam/role:Role": "name",
    "aws:eks/cluster:Cluster": "name",
    "aws:sqs/queue:Queue": "name",
    "aws:cloudwatch/eventRule:EventRule": "name",
    "aws:ec2/launchTemplate:LaunchTemplate": "name",
    "aws:kms/alias:Alias": "name",
}


def physical_names(compilation: Compilation, shared_cluster: str) -> set[str]:
    """Return every name that two platforms in one account, or in one cluster, could both lay claim to."""
    found: set[str] = set()
    for stack in compilation.stacks:
        for node in stack.graph.nodes:
            if node.type in _PHYSICAL:
                found.add(f"{node.type} {encode_value(node.inputs[_PHYSICAL[node.type]])}")
            elif (
                kubernetes_object(node)
                and stack.place.startswith("kubernetes")
                and not node.component.startswith("manifests.")
            ):
                found.add(f"{shared_cluster}{object_key(node)}")
    return found


@settings(QUICK, max_examples=40)
@given(specs(patched=False), st.data())
def test_two_platforms_never_claim_one_name(written: Written, data: st.DataObject) -> None:
    """Two specs or environments in one account or cluster have no physical name and no namespaced object in common."""
    on_prem = {n: t for n, t in written.value["targets"].items() if t["provider"] == "on-prem"}
    aws_only = {n: t for n, t in written.value["targets"].items() if t["provider"] == "aws"}
    assume(on_prem or aws_only)
    # the cluster that a platform brings along is its own; one that is there may be shared
    chosen = data.draw(st.sampled_from([t for t in (on_prem, aws_only) if t]))
    shared = on_prem == chosen
    gone = ("environments", "manifests", "protect", "review")  # rules name environments and targets
    bare = {k: v for k, v in written.value.items() if k not in gone}
    # a cluster and buckets that exist are whose they are
    chosen = {n: {k: v for k, v in t.items() if k != "foundation"} for n, t in chosen.items()}
    if shared:  # nothing of EC2 can be acted on without an AWS target, and no alert be sent
        bare.pop("budget", None)
        pools = bare.get("nodePools", {}).items()
        bare["nodePools"] = {
            n: {k: v for k, v in p.items() if k not in ("instance", "capacity", "labels")} for n, p in pools
        }
    for target in chosen.values():
        if shared:
            target["addons"] = "existing"  # an operator that is there once serves all
    if shared:
        only_aws = ("instance", "capacity", "labels")  # keys that only an AWS target can act on
        bare["nodePools"] = {
            n: {k: v for k, v in p.items() if k not in only_aws} for n, p in bare.get("nodePools", {}).items()
        }
    bare["serving"] = (
        {n: {k: v for k, v in x.items() if k != "targets"} for n, x in bare["serving"].items()}
        if ("serving" in bare)
        else {}
    )
    name = str(bare["name"])
    pairs = [
        (
            changed(Written(bare, written.files), targets=chosen),
            changed(Written(bare, written.files), targets=chosen, name="b" if name != "b" else "c"),
        ),
        (
            changed(Written(bare, written.files), targets=chosen, environments={"one": {}}),
            changed(Written(bare, written.files), targets=chosen, environments={"two": {}}),
        ),
    ]
    for one, two in pairs:
        if not aws_only and "stores" in bare:
            continue
        first, second = compiled(one), compiled(two)
        marks = ("", "") if shared else ("first ", "second ")
        assert physical_names(first, marks[0]) & physical_names(second, marks[1]) == set()


# --- mutations: the right place ---------------------------------------------------------------------------------

Place = tuple[str | int, ...]


def places(value: Any, path: Place = ()) -> Iterator[Place]:
    """Yield the path of everything that the schema has a say on; overlays, patches and free maps are left out."""
    items: Iterator[tuple[str | int, Any]] = iter(())
    if isinstance(value, dict):
        items = iter(value.items())
    elif isinstance(value, list):
        items = iter(enumerate(value))
    for key, item in items:
        here = (*path, key)
        if key in ("overlay", "patches", "manifests", "moved", "environments", "args", "env", "labels"):
            continue
        yield here
        yield from places(item, here)


def get(value: Any, path: Place) -> Any:
    """Return what stands at a path."""
    for part in path:
        value = value[part]
    return value


NEEDED = {
    "apiVersion", "name", "targets", "provider", "region", "kubeContext", "storage", "shared", "max", "model",
    "pool", "kind", "source", "key",
}  # fmt: skip
"""Keys without which something cannot be."""

SHORT_LISTS = ("capacity", "zones")


@settings(QUICK, max_examples=150)
@given(specs(patched=False), st.data())
def test_a_broken_spec_is_reported_at_its_place(written: Written, data: st.DataObject) -> None:
    """Every error points at or inside the key that was broken, or its parent; and there is one where the break is
    sure."""
    value = deepcopy(written.value)
    value.pop("environments", None)
    for target in value["targets"].values():
        if not any(target.get("overlay", {}).values()):
            target.pop("overlay", None)
    # without its environments the spec speaks of other places, and may be wrong at one of them
    assume(compile_spec(yaml_text(value).encode(), "spec.yaml", MemoryFiles(written.files)).compilation is not None)
    found = list(places(value))
    path = data.draw(st.sampled_from(found))
    parent, key = get(value, path[:-1]), path[-1]
    kind = data.draw(st.sampled_from(("delete", "misspell", "retype", "refer")))
    # a value that an overlay replaces wherever the spec holds is none that counts
    overlaid = {tuple(o.split(".")[:2]) for t in value["targets"].values() for o in t.get("overlay", {})}
    sure, at_path = path[:2] not in overlaid and path[:1] not in overlaid, path
    match kind:
        case "delete":
            if (
                isinstance(key, int)
                or key not in NEEDED
                or path[-2:-1] in (("models",), ("nodePools",), ("serving",), ("stores",), ("targets",))
            ):
                return
            del parent[key]
        case "misspell":
            if isinstance(key, int) or len(path) % 2 == 0 and len(path) == 2:
                return
            new = f"{key}x"
            parent[new] = parent.pop(key)
            at_path = (*path[:-1], new)
        case "retype":
            wrong: Any = [[]] if not isinstance(parent[key], list) else 7.5
            parent[key] = wrong
        case _:
            if key not in ("model", "pool") or path[0] != "serving":
                return
            parent[key] = "nothing-of-this-name"
    text = yaml_text(value)
    result = compile_spec(text.encode(), "spec.yaml", MemoryFiles(written.files))
    errors = [d for d in result.diagnostics if d.is_error]
    assert errors or not sure, (kind, path)
    allowed = _blocks(text, at_path[:-1] if kind in ("delete", "misspell") else at_path)
    for error in errors:
        lines = {error.span.line, *(label.span.line for label in error.related)}
        assert lines & allowed or _about(error.path, at_path), (kind, path, error)


def _about(reported: str, path: Place) -> bool:
    """Say whether a reported path is the broken one, one below it, or its parent."""
    parts = [p for p in reported.replace("[", ".").replace("]", "").split(".") if p]
    wanted = [str(p) for p in path]
    return parts[: len(wanted)] == wanted or parts == wanted[:-1]


def _blocks(text: str, path: Place) -> set[int]:
    """Return the lines of the node at a path, with the line of its key, by PyYAML's own marks."""
    node, first = yaml.compose(text, Loader=yaml.SafeLoader), 0
    for part in path:
        if isinstance(node, yaml.MappingNode):
            pair = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if pair is None:
                break
            first, node = pair[0].start_mark.line, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            first = node.start_mark.line
        else:
            break
    assert node is not None
    last = node.end_mark.line
    return set(range(first + 1, max(first, last) + 2))
