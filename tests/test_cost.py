"""What a platform costs: hand-calculated cases, sums in every view, and that removing anything saves.

Prices of us-east-1 in the arithmetic: g6e.xlarge $1.861 and m7i.large $0.1008 an hour (2026-07-20), EKS $0.10,
NAT gateway $0.045, public IPv4 $0.005 an hour, gp3 $0.08 a GiB-month, S3 $0.023 a GB-month, a KMS key $1 a month. A
month has 730 hours.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from specs.price_sheet import NodePrice
from stacks.compilation import Compilation, decode, encode
from stacks.compile import Selection, compile_spec
from stacks.cost.cost import cost_change, cost_of
from stacks.cost.resources import _NODES, _RULES, FREE
from stacks.cost.review import costs
from stacks.cost.values import Cost, Line, Range
from stacks.cost.views import VIEWS, view
from stacks.cost.words import of_token, percent, rate, signed, usd
from stacks.render.cost import cost_line, cost_values, human_cost, human_table
from stacks.render.page_cost import Bar, cost_view
from tests.memory_files import MemoryFiles
from tests.strategies import Written, specs

D = Decimal
MODEL = "hf://Qwen/Qwen2.5-7B-Instruct@a09a35458c702b33eeacc393d103063234e8bc28"
SMALL = "hf://BAAI/bge-m3@5617a9f61b028005a4858fdac845db406aefb181"
LOAD = {"traffic": {"requestsPerSecond": 2, "inputTokens": 1500, "outputTokens": 300}, "allowSinglePoint": True}
SHEET = {"asOf": "2026-11-01", "source": "agreement no. 4711"}


def spec(**more: Any) -> dict[str, Any]:
    """The quickstart, with other sections in place of its own."""
    return {
        "apiVersion": "llmform/v1",
        "name": "hello",
        "models": {"chat": MODEL},
        "nodePools": {"l40s": {"accelerator": "nvidia-l40s", "instance": "g6e.xlarge", "max": 2}},
        "serving": {"chat": {"model": "chat", "pool": "l40s"}},
        "targets": {"us-east-1": {"provider": "aws", "region": "us-east-1", "account": "123456789012"}},
    } | more


def compiled(value: dict[str, Any], **files: Any) -> Compilation:
    """Compile a spec with JSON files beside it; `prices` is `prices.json`."""
    beside = MemoryFiles({f"{name}.json": json.dumps(content).encode() for name, content in files.items()})
    made = compile_spec(json.dumps(value).encode(), "spec.yaml", beside)
    assert made.compilation is not None, made.diagnostics
    return made.compilation


def priced(value: dict[str, Any], **files: Any) -> Cost:
    return cost_of(compiled(value, **files))


def of(cost: Cost, component: str, item: str = "") -> list[Line]:
    return [line for line in cost.lines if line.component == component and item in line.item]


def monthly(lines: list[Line]) -> tuple[Decimal, Decimal | None, Decimal]:
    minimum = sum((line.monthly.minimum for line in lines), D(0))
    expected = [line.monthly.expected for line in lines]
    known = None if None in expected else sum((e for e in expected if e is not None), D(0))
    return minimum, known, sum((line.monthly.maximum for line in lines), D(0))


# ---- hand-calculated ----


def test_1_the_foundation_of_the_quickstart() -> None:
    """Control plane, one NAT gateway with its address, a key, two to four system nodes with 50 GiB each."""
    cost = priced(spec())
    assert monthly(of(cost, "cluster"))[0] == D("0.10") * 730 == D("73")
    assert monthly(of(cost, "network"))[0] == (D("0.045") + D("0.005")) * 730 == D("36.50")
    assert monthly(of(cost, "encryption"))[0] == D(1)
    # 2 × $0.1008 × 730 = $147.168, at most 4 nodes = $294.336; disks 2 × 50 × $0.08 = $8, at most $16
    assert monthly(of(cost, "system")) == (D("155.168"), D("155.168"), D("310.336"))


def test_2_one_replica_on_a_pool_of_at_most_two_nodes() -> None:
    """One node runs, two may: g6e.xlarge at $1.861, 40 GiB of disk. Nobody said the load."""
    cost = priced(spec())
    # 1.861 × 730 = 1,358.53; × 2 = 2,717.06. Disk 40 × 0.08 = 3.20; × 2 = 6.40
    assert monthly(of(cost, "nodePools.l40s")) == (D("1361.73"), None, D("2723.46"))
    # in all: 73 + 36.50 + 1 + 155.168 + 1,361.73 + weights (15,231,233,024 bytes / 2^30 × 0.023 = 0.326259)
    assert cost.monthly.minimum == D("1627.724259")


def test_3_a_nat_gateway_in_each_of_three_zones() -> None:
    """Three gateways and three addresses."""
    value = spec()
    value["targets"]["us-east-1"]["network"] = {"nat": "per-zone"}
    assert monthly(of(priced(value), "network"))[0] == 3 * (D("0.045") + D("0.005")) * 730 == D("109.50")


def test_4_nodes_that_are_kept() -> None:
    """Two nodes are kept for one replica, by a managed group; Karpenter may start one more."""
    pools = {"l40s": {"accelerator": "nvidia-l40s", "instance": "g6e.xlarge", "min": 2, "max": 3}}
    lines = of(priced(spec(nodePools=pools)), "nodePools.l40s", "g6e.xlarge")
    # 2 × 1,358.53 = 2,717.06 at any load; 3 × 1,358.53 = 4,075.59 at most; the third node is never needed
    assert monthly(lines) == (D("2717.06"), None, D("4075.59"))


def test_5_two_models_share_a_pool_by_their_gpus() -> None:
    """Three replicas of one model and one of the other: three and one quarter of four nodes."""
    value = spec(
        models={"chat": MODEL, "embedder": SMALL},
        nodePools={"l40s": {"accelerator": "nvidia-l40s", "instance": "g6e.xlarge", "max": 4}},
        serving={
            "chat": {"model": "chat", "pool": "l40s", "replicas": 3},
            "embed": {"model": "embedder", "pool": "l40s", "replicas": 1, "args": {"runner": "pooling"}},
        },
    )
    lines = of(priced(value), "nodePools.l40s", "g6e.xlarge")
    # 4 × 1,358.53 = 5,434.12, of which 3/4 = 4,075.59 and 1/4 = 1,358.53
    assert {line.model: line.monthly for line in lines} == {
        "chat": Range(D("4075.59"), D("4075.59"), D("4075.59")),
        "embedder": Range(D("1358.53"), D("1358.53"), D("1358.53")),
    }


def test_6_replicas_of_four_gpus_on_nodes_of_four() -> None:
    """Each replica has a node; g6e.12xlarge costs $10.49264 an hour."""
    value = spec(
        nodePools={"l40s": {"accelerator": "nvidia-l40s", "instance": "g6e.12xlarge", "max": 3}},
        serving={"chat": {"model": "chat", "pool": "l40s", "replicas": 2, "parallelism": {"tensor": 4}}},
    )
    lines = of(priced(value), "nodePools.l40s", "g6e.12xlarge")
    # 10.49264 × 730 = 7,659.6272; × 2 = 15,319.2544; × 3 = 22,978.8816
    assert monthly(lines) == (D("15319.2544"), D("15319.2544"), D("22978.8816"))


def test_7_spot_has_the_price_of_the_sheet_and_may_end_on_demand() -> None:
    """At minimum spot at $0.70; at most both nodes on demand, at the negotiated $1.40."""
    pools = {
        "l40s": {"accelerator": "nvidia-l40s", "instance": "g6e.xlarge", "max": 2, "capacity": ["spot", "on-demand"]}
    }
    value = spec(nodePools=pools)
    value["targets"]["us-east-1"]["prices"] = "prices.json"
    sheet = SHEET | {"region": "us-east-1", "instances": {"g6e.xlarge": {"onDemand": 1.40, "spot": 0.70}}}
    [line] = of(priced(value, prices=sheet), "nodePools.l40s", "g6e.xlarge")
    assert line.item == "g6e.xlarge spot"
    assert line.monthly == Range(D("511.00"), None, D("2044.00"))  # 0.70 × 730; 2 × 1.40 × 730
    assert line.price.source == "agreement no. 4711 (prices.json)"


def test_8_spot_without_a_price_is_said_to_be_a_ceiling() -> None:
    """EC2 asks for spot at most what it asks on demand: 1.861 × 730."""
    pools = {"l40s": {"accelerator": "nvidia-l40s", "instance": "g6e.xlarge", "max": 1, "capacity": ["spot"]}}
    [line] = of(priced(spec(nodePools=pools)), "nodePools.l40s", "g6e.xlarge")
    assert line.item == "g6e.xlarge spot at the on-demand price, its ceiling"
    assert line.monthly.minimum == D("1358.53")


def test_a_maximum_without_a_price_on_demand_is_said_to_lack_it() -> None:
    """A sheet with a spot price alone says nothing of the nodes that are on demand in the end."""
    pools = {
        "l40s": {"accelerator": "nvidia-l40s", "instance": "g6e.xlarge", "max": 2, "capacity": ["spot", "on-demand"]}
    }
    value = spec(nodePools=pools, targets={"eu": {"provider": "aws", "region": "eu-central-1", "account": "1" * 12}})
    value["targets"]["eu"]["prices"] = "prices.json"
    sheet = SHEET | {"region": "eu-central-1", "instances": {"g6e.xlarge": {"spot": 0.70}}}
    cost = priced(value, prices=sheet)
    [line] = of(cost, "nodePools.l40s", "g6e.xlarge")
    assert line.monthly == Range(D("511.00"), None, D("1022.00"))  # 0.70 × 730; at most 2 × 0.70 × 730, as spot
    assert "g6e.xlarge on demand, where spot is not to be had" in [u.item for u in cost.unpriced]
    pools["l40s"]["capacity"] = ["spot"]
    assert not [u for u in priced(value, prices=sheet).unpriced if "on demand" in u.item]


def test_a_type_without_a_price_is_said_to_be_instead_of_those_that_have_one() -> None:
    """The nodes are counted once: as the type that has a price, which another may take the place of."""
    value = spec(nodePools={"l40s": {"accelerator": "nvidia-l40s", "max": 2}})
    value["targets"] = {"eu": {"provider": "aws", "region": "eu-central-1", "account": "1" * 12}}
    value["targets"]["eu"]["prices"] = "prices.json"
    sheet = SHEET | {"region": "eu-central-1", "instances": {"g6e.2xlarge": {"onDemand": 2}}}
    cost = priced(value, prices=sheet)
    assert monthly(of(cost, "nodePools.l40s", "g6e.2xlarge"))[0] == D("1460")  # 2 × 730
    assert "g6e.xlarge in place of g6e.2xlarge" in [u.item for u in cost.unpriced]


ON_PREM = {
    "dresden": {"provider": "on-prem", "kubeContext": "d", "storage": {"shared": "cephfs"}, "prices": "prices.json"}
}


def test_9_nodes_of_ones_own_by_amortisation_and_power() -> None:
    """$35,040 over 4 years are $1.00 an hour; 2 kW × 1.5 × $0.20 are $0.60."""
    bought = {"usdPerNode": 35040, "years": 4, "watts": 2000, "usdPerKilowattHour": 0.2, "overhead": 1.5}
    value = spec(targets=ON_PREM, nodePools={"l40s": {"accelerator": "nvidia-l40s", "max": 3}})
    value["serving"]["chat"]["replicas"] = 2
    cost = priced(value, prices=SHEET | {"nodes": {"l40s": bought}})
    # 1.60 × 730 = 1,168 a node; two replicas of one GPU need two nodes of one
    assert monthly(of(cost, "nodePools.l40s")) == (D("2336"), D("2336"), D("3504"))


def test_10_nodes_of_ones_own_by_the_gpu() -> None:
    """Eight GPUs at $1.85 an hour each; both replicas of four are on one node."""
    value = spec(targets=ON_PREM, nodePools={"h100": {"accelerator": "nvidia-h100-80gb", "perNode": 8, "max": 1}})
    value["serving"] = {"chat": {"model": "chat", "pool": "h100", "replicas": 2, "parallelism": {"tensor": 4}}}
    cost = priced(value, prices=SHEET | {"nodes": {"h100": {"usdPerGpuHour": "1.85"}}})
    assert monthly(of(cost, "nodePools.h100"))[0] == 8 * D("1.85") * 730 == D("10804")


def test_11_weights_of_two_models_in_s3() -> None:
    """15,231,233,024 and 20 × 2^30 bytes; a GB on the bill is 2^30 bytes."""
    value = spec(models={"chat": MODEL, "own": {"source": f"hf://acme/own@{'0' * 40}", "size": "20Gi"}})
    value["serving"]["own"] = {"model": "own", "pool": "l40s"}
    lines = {line.model: line.monthly.minimum for line in of(priced(value), "stores.weights")}
    assert lines == {"chat": D("0.326259"), "own": D("0.46")}


def test_weights_that_two_models_share_are_stored_once() -> None:
    """Two names of one revision have one copy in the bucket."""
    value = spec(models={"chat": MODEL, "again": MODEL})
    value["serving"]["again"] = {"model": "again", "pool": "l40s"}
    assert monthly(of(priced(value), "stores.weights"))[0] == D("0.326259")


def test_12_pods_that_share_a_gpu() -> None:
    """Four pods fit on two GPUs of two parts; Karpenter counts GPUs and starts four nodes for them."""
    pool = {
        "accelerator": "nvidia-l40s", "instance": "g6e.2xlarge", "max": 4,
        "sharing": {"mode": "time-slicing", "replicas": 2},
    }  # fmt: skip
    value = spec(
        models={"embedder": SMALL},
        nodePools={"l40s": pool},
        serving={"embed": {"model": "embedder", "pool": "l40s", "replicas": 4, "args": {"runner": "pooling"}}},
    )
    lines = of(priced(value), "nodePools.l40s", "on demand")
    # g6e.2xlarge: 2.24208 × 730 = 1,636.7184; × 2 = 3,273.4368; × 4 = 6,546.8736
    assert monthly(lines) == (D("3273.4368"), D("6546.8736"), D("6546.8736"))


def test_13_a_million_tokens() -> None:
    """A server's nodes spread over what it reads and writes; idle time counts like work."""
    traffic = {"requestsPerSecond": 2, "inputTokens": 1500, "outputTokens": 300}
    value = spec()
    value["serving"]["chat"] |= {"traffic": traffic, "allowSinglePoint": True}
    compilation = compiled(value)
    carries = compilation.costs["default/us-east-1"].servers["chat"]
    assert carries.most_per_second is not None and carries.prompt_share is not None
    cost = cost_of(compilation)
    [token] = cost.per_token
    spent = D("1361.73")  # a node and its disk
    read, written = 2 * 1500 * 2_628_000, 2 * 300 * 2_628_000
    assert token.usd_per_million_input is not None and token.usd_per_million_output is not None
    assert token.utilisation == D("2.0") / carries.most_per_second
    all_of_it = (token.usd_per_million_input * read + token.usd_per_million_output * written) / 1_000_000
    assert abs(all_of_it - spent) < D("0.000001")
    assert abs(token.usd_per_million_input - spent * carries.prompt_share / read * 1_000_000) < D("0.000001")
    assert monthly(of(cost, "nodePools.l40s"))[1] == spent


def test_14_a_rollout_that_starts_a_node_more() -> None:
    """Two replicas restart one after the other beside a third node: 2 × the time of a new replica × $1.861."""
    pools = {"l40s": {"accelerator": "nvidia-l40s", "instance": "g6e.xlarge", "max": 3}}
    value = spec(nodePools=pools)
    value["serving"]["chat"]["replicas"] = 2
    after = copy.deepcopy(value)
    after["serving"]["chat"]["env"] = {"NCCL_DEBUG": "WARN"}
    change = cost_change(compiled(value), compiled(after))
    # the deadline of the quickstart's Deployment: 1,080 s for node, image, weights and engine
    [once] = change.once
    assert once.usd == D("1.861") * 1 * (D(2 * 1080) / 3600)
    assert change.monthly == Range(D(0), D(0), D(0))


def test_a_disk_that_is_faster_than_gp3_is_for_nothing_more() -> None:
    """A pool without GPUs: 150 GiB, 4,000 operations and 1,000 MiB a second, of which 3,000 and 125 cost nothing."""
    model = {
        "source": "hf://Qwen/Qwen2.5-1.5B-Instruct-GGUF", "revision": "91cad51170dc346986eccefdc2dd33a9da36ead9",
        "file": "qwen2.5-1.5b-instruct-q4_k_m.gguf", "contextLength": "8k",
        "sha256": "6a1a2eb6d15622bf3c96857206351ba97e1af16c30d7a74ee38970e434e9407e",
    }  # fmt: skip
    value = spec(
        models={"small": model},
        nodePools={"box": {"accelerator": "none", "cores": 8, "memory": "16Gi", "max": 3}},
        serving={"frugal": {"model": "small", "engine": "llama-cpp", "pool": "box", "replicas": 3}},
    )
    cost = priced(value)
    each = {line.item: line.monthly.minimum / 3 for line in of(cost, "nodePools.box", "gp3")}
    assert each == {
        "150 GiB gp3": D("12"),  # 150 × 0.08
        "875 MiB/s of gp3 above 125": D("35"),  # 875 × 0.04
        "1000 operations a second of gp3 above 3,000": D("5"),  # 1,000 × 0.005
    }
    assert not [u for u in cost.unpriced if u.component == "nodePools.box"]


def test_a_rollout_starts_no_node_of_ones_own() -> None:
    """They are there all month, whoever uses them: a change costs nothing once."""
    value = spec(targets=ON_PREM, nodePools={"l40s": {"accelerator": "nvidia-l40s", "max": 3}})
    value["serving"]["chat"]["replicas"] = 2
    after = copy.deepcopy(value)
    after["serving"]["chat"]["env"] = {"NCCL_DEBUG": "WARN"}
    sheet = SHEET | {"nodes": {"l40s": {"usdPerHour": 1}}}
    change = cost_change(compiled(value, prices=sheet), compiled(after, prices=sheet))
    assert change.after.monthly.minimum == 2 * 730
    assert change.once == ()


def test_15_another_region_is_not_priced_but_for_what_costs_the_same_everywhere() -> None:
    """In eu-west-1 the catalog knows the control plane, the key and the address; nodes are listed, never $0."""
    target = {"eu": {"provider": "aws", "region": "eu-west-1", "account": "123456789012"}}
    cost = priced(spec(targets=target))
    assert cost.monthly.minimum == D("73") + 1 + D("3.65")
    lacking = [u.item for u in cost.unpriced]
    for item in ("1 to 2 × g6e.xlarge", "2 to 4 × m7i.large", "NAT gateway", "S3, weights of chat"):
        assert item in lacking
    assert not [line for line in cost.lines if not line.monthly.maximum]


# ---- what must hold of every platform ----

EXAMPLES = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def everywhere(written: Written) -> Cost:
    made = compile_spec(written.data, "spec.json", written.folder)
    assert made.compilation is not None, made.diagnostics
    return cost_of(made.compilation)


@EXAMPLES
@given(specs())
def test_every_view_sums_up_to_the_whole(written: Written) -> None:
    """Exactly, at minimum, at the expected load and at maximum; and a maximum is never below a minimum."""
    cost = everywhere(written)
    for name in VIEWS:
        rows = view(cost, name)
        assert sum((r.monthly.minimum for r in rows), D(0)) == cost.monthly.minimum
        assert sum((r.monthly.maximum for r in rows), D(0)) == cost.monthly.maximum
        if cost.monthly.expected is not None:
            assert sum((r.monthly.expected or D(0) for r in rows), D(0)) == cost.monthly.expected
    for line in cost.lines:
        assert 0 <= line.monthly.minimum <= line.monthly.maximum
        assert line.monthly.expected is None or line.monthly.minimum <= line.monthly.expected <= line.monthly.maximum


@EXAMPLES
@given(specs())
def test_a_recorded_compilation_costs_what_the_spec_costs(written: Written) -> None:
    """Price sheets and loads are recorded with the graphs."""
    made = compile_spec(written.data, "spec.json", written.folder)
    assert made.compilation is not None
    assert cost_of(decode(encode(made.compilation))) == cost_of(made.compilation)


def removals(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the spec without one server, pool, store, target or environment that nothing else names."""
    for section in ("serving", "nodePools", "stores", "targets", "environments"):
        for name in value.get(section, {}):
            less = copy.deepcopy(value)
            del less[section][name]
            yield less


@EXAMPLES
@given(specs(patched=False), st.randoms(use_true_random=False))
def test_removing_anything_never_costs_more(written: Written, random: Any) -> None:
    """Of what has a price on both sides; a removal that leaves no valid spec says nothing."""
    before = everywhere(written)
    every = list(removals(json.loads(json.dumps(written.value))))
    random.shuffle(every)
    for value in every[:4]:
        made = compile_spec(json.dumps(value).encode(), "spec.json", written.folder)
        if made.compilation is None or value.get("environments") == {}:
            continue  # without its last environment a spec has `default`, with every target
        after = cost_of(made.compilation)
        told = {(u.stack, u.component) for u in before.unpriced}
        lines = [line for line in after.lines if (line.stack, line.component) not in told]
        old = [line for line in before.lines if (line.stack, line.component) not in told]
        for now, then in zip(monthly(lines)[::2], monthly(old)[::2], strict=True):
            assert now <= then


@EXAMPLES
@given(specs())
def test_every_resource_of_aws_is_priced_or_free_or_listed(written: Written) -> None:
    """Nothing of AWS that llmform makes is forgotten."""
    made = compile_spec(written.data, "spec.json", written.folder)
    assert made.compilation is not None
    types = {n.type for s in made.compilation.stacks for n in s.graph.nodes if n.type.startswith("aws:")}
    assert types <= FREE | _NODES | set(_RULES)


def test_a_bought_node_whose_price_has_no_end_gives_sums_that_are_exact() -> None:
    """$62,000 over 3 years are 2.3592... an hour for ever: each line is a millionth of a dollar, so that sums of
    any order are the same, and no view has digits that nobody can read."""
    pools = {f"p{n}": {"accelerator": "nvidia-l40s", "max": n + 2} for n in range(3)}
    place = ON_PREM["dresden"] | {"addons": "existing"}
    value = spec(targets={"dresden": place}, nodePools=pools, environments={"a": {}, "b": {}, "c": {}})
    value["models"]["again"] = SMALL
    value["serving"] = {
        f"{model}{n}": {"model": model, "pool": f"p{n}", "replicas": 1, "allowSinglePoint": True}
        | ({"args": {"runner": "pooling"}} if model == "again" else {})
        for n in range(3)
        for model in ("chat", "again")
    }
    nodes = {f"p{n}": {"usdPerNode": 62000 + n, "years": 3} for n in range(3)}
    cost = priced(value, prices=SHEET | {"nodes": nodes})
    for line in cost.lines:
        for amount in (line.monthly.minimum, line.monthly.expected, line.monthly.maximum):
            assert amount is not None and amount == amount.quantize(D("0.000001"))
    for name in VIEWS:
        assert sum((r.monthly.minimum for r in view(cost, name)), D(0)) == cost.monthly.minimum
    # a node of p0: 62,000 / (3 x 8,760) x 730 = 1,722.222222...; two pods of one GPU need two nodes
    assert monthly(of(cost, "nodePools.p0"))[0] == 3 * D("3444.444444")


# ---- changes, selections, budgets ----


def test_a_change_is_priced_with_one_price_list() -> None:
    """A new price sheet alone changes nothing of what is deployed."""
    value = spec()
    with_sheet = copy.deepcopy(value)
    with_sheet["targets"]["us-east-1"]["prices"] = "prices.json"
    sheet = SHEET | {"region": "us-east-1", "instances": {"g6e.xlarge": {"onDemand": 9}}}
    change = cost_change(compiled(value), compiled(with_sheet, prices=sheet))
    assert change.monthly.minimum == change.monthly.maximum == 0
    assert change.before is not None and change.before.monthly.minimum > 9 * 730


def test_a_move_to_another_region_is_no_matter_of_one_price_list() -> None:
    """A sheet of the new region says nothing of what stood in the old one, which keeps its own prices."""
    old, new = spec(), spec()
    there = {"provider": "aws", "account": "123456789012"}
    old["targets"] = {"main": there | {"region": "us-east-1"}}
    new["targets"] = {"main": there | {"region": "eu-central-1", "prices": "prices.json"}}
    sheet = SHEET | {"region": "eu-central-1", "instances": {"g6e.xlarge": {"onDemand": 9}}}
    change = cost_change(compiled(old), compiled(new, prices=sheet))
    assert change.before is not None
    assert change.before.monthly.minimum == D("1627.724259")  # as in case 2: the list prices of us-east-1
    [node] = of(change.after, "nodePools.l40s", "g6e.xlarge")
    assert node.monthly.minimum == 9 * 730
    back = cost_change(compiled(new, prices=sheet), compiled(old))
    assert back.before is not None and of(back.before, "nodePools.l40s", "g6e.xlarge") == [node]


def test_a_layer_alone_has_its_part_of_the_whole() -> None:
    """The nodes of a pool are those that the servers of another layer need, whatever is asked for."""
    made = compile_spec(json.dumps(spec()).encode(), "spec.yaml")
    parts = [costs(made, None, Selection(layer=layer))[0] for layer in ("foundation", "platform", "workloads")]
    whole, _ = costs(made, None)
    assert sum((p.after.monthly.minimum for p in parts), D(0)) == whole.after.monthly.minimum
    assert parts[1].after.monthly.minimum == D("1361.73")


def test_a_removed_platform_saves_all_of_it() -> None:
    """Against a compilation that had two environments, one of which is gone."""
    both = spec(environments={"dev": {}, "prod": {}})
    one = spec(environments={"prod": {}})
    change = cost_change(compiled(both), compiled(one))
    assert change.monthly.minimum == -D("1627.724259")
    assert "-$1,628/month at minimum ($3,255 → $1,628)" in cost_line(change)


@pytest.mark.parametrize(
    ("budget", "fails"),
    [
        ({"monthly": "$2000", "failAbove": "100%"}, []),
        ({"monthly": "$1000"}, []),  # nothing says that it fails
        ({"monthly": "$1000", "failAbove": "150%"}, [""]),  # 1,627.72 is 163 %
        ({"monthly": "$1000", "failAbove": "163%"}, []),  # 162.8 %
        ({"monthly": "$9000", "failAbove": "100%", "models": {"chat": {"monthly": "$1000"}}}, ["chat"]),
        ({"monthly": "$9000", "models": {"chat": {"monthly": "$1000", "failAbove": "140%"}}}, []),  # 136 %
    ],
)
def test_a_budget_fails_above_its_share_of_the_priced_minimum(budget: dict[str, Any], fails: list[str]) -> None:
    """By what is priced at minimum; a model without `failAbove` takes the budget's."""
    made = compile_spec(json.dumps(spec(budget=budget)).encode(), "spec.yaml")
    change, found = costs(made, None)
    assert [b.model for b in change.budgets if b.exceeded] == fails
    assert [d.code for d in found] == ["budget-exceeded"] * len(fails)
    for d in found:
        assert "data transfer" in d.help and "not counted" in d.help
        assert d.related[0].text.startswith("$1,359: g6e.xlarge on demand, 1 to 2 × 730 hours")


def test_a_budget_of_which_nothing_is_priced_is_not_at_nothing() -> None:
    """Nobody knows how much of it is taken: no share is told."""
    budget = {"monthly": "$1000", "failAbove": "100%", "models": {"chat": {"monthly": "$500"}}}
    target = {"eu": {"provider": "aws", "region": "eu-central-1", "account": "1" * 12}}
    change, _ = costs(compile_spec(json.dumps(spec(targets=target, budget=budget)).encode(), "spec.yaml"), None)
    said = cost_line(change)
    assert (
        "Budget of `default` $1,000: 8 % without 2 to 4 × m7i.large, " in said
    )  # control plane, key and address: $77.65
    assert "Budget of `chat` in `default` $500: nothing of it is priced." in said


def test_the_page_does_not_say_that_what_has_no_price_costs_nothing() -> None:
    """Of two environments one is priced; the other is not known, in the table and in the chart."""
    place = ON_PREM["dresden"] | {"addons": "existing"}
    value = spec(targets=spec()["targets"] | {"d": {k: v for k, v in place.items() if k != "prices"}})
    value["environments"] = {"cloud": {"targets": ["us-east-1"]}, "own": {"targets": ["d"]}}
    value["nodePools"]["l40s"] = {"accelerator": "nvidia-l40s", "max": 2}
    both = compiled(value)
    shown = cost_view([cost_change(None, both)])
    assert shown is not None and shown.after == "$1,628"
    cloud, own = shown.environments
    assert cloud.bars[0].words[0] == "$1,628"
    assert own.bars == (Bar("after", 0, None, 0, ("not known", "not known", "not known")),)
    again = cost_view([cost_change(both, both)])
    assert again is not None
    assert [e.change for e in again.environments] == ["unchanged at minimum", "not known"]
    del value["environments"]["cloud"], value["targets"]["us-east-1"]
    nothing = cost_view([cost_change(None, compiled(value))])
    assert nothing is not None and (nothing.change, nothing.after) == ("not known", "not known")
    assert (cost_change(None, both).known, cost_change(None, compiled(value)).known) == (True, False)


def test_a_price_is_shown_with_digits_that_can_be_read() -> None:
    """List prices as they are, a price without end to a millionth; and in English."""
    assert [rate(D(x), "hour") for x in ("0.1000", "10.49264", "2.455806392694063926940639269")] == [
        "$0.1 an hour",
        "$10.49264 an hour",
        "$2.455806 an hour",
    ]
    assert rate(D("0.08"), "GB-month") == "$0.08 a GB-month"
    assert rate(D("0.0000001"), "hour") == "$0.0000001 an hour"


def test_a_token_that_costs_something_is_not_for_nothing() -> None:
    """Fractions of a cent are shown, in the page as in the table."""
    made = compiled(spec(serving={"chat": {"model": "chat", "pool": "l40s", "replicas": 1} | LOAD}))
    change = cost_change(None, made)
    shown = cost_view([change])
    assert shown is not None
    [(token, read, wrote, _)] = shown.per_token
    assert token.usd_per_million_input is not None and token.usd_per_million_output is not None
    assert read == f"${token.usd_per_million_input:.3f}" and wrote == f"${token.usd_per_million_output:.3f}"
    assert f"{read} read, {wrote} written" in human_table(change, ("stack",), details=False).replace("\n    ", " ")
    assert of_token(D("0.0004")) == "less than $0.001"


def test_one_smaller_line_is_one() -> None:
    """Six lines, of which five are named."""
    budget = {"monthly": "$9000", "failAbove": "100%", "models": {"chat": {"monthly": "$1"}}}
    place = {"provider": "aws", "region": "us-east-1", "account": "123456789012"}
    targets = {n: place | {"network": {"cidr": f"10.{i}.0.0/16"}} for i, n in enumerate("ab")}
    _, found = costs(compile_spec(json.dumps(spec(targets=targets, budget=budget)).encode(), "spec.yaml"), None)
    [error] = found  # nodes, disks and weights, twice
    assert error.related[-1].text.endswith("; 1 smaller line")


def test_a_budget_is_of_all_targets_of_its_environment() -> None:
    """Two regions together exceed what each alone does not, whichever of them is asked for."""
    place = {"provider": "aws", "region": "us-east-1", "account": "123456789012"}
    targets = {"a": place | {"network": {"cidr": "10.1.0.0/16"}}, "b": place | {"network": {"cidr": "10.2.0.0/16"}}}
    made = compile_spec(
        json.dumps(spec(targets=targets, budget={"monthly": "$2000", "failAbove": "100%"})).encode(), "s.yaml"
    )
    change, found = costs(made, None, Selection(target="a"))
    assert change.after.monthly.minimum == D("1627.724259")
    assert change.budgets[0].minimum == 2 * D("1627.724259")
    assert len(found) == 1


def test_the_budget_of_aws_counts_what_carries_the_platforms_tags() -> None:
    """Its filter is spec and environment; below 100 % it tells what is spent, from there on what will be."""
    budget = {"monthly": "$1500.50", "alertAt": ["50%", "100%"], "alertTo": {"emails": ["a@b.example"]}}
    graph = compiled(spec(budget=budget)).stacks[0].graph
    inputs = graph.node("budget/Budget/environment").inputs
    assert inputs["limitAmount"] == "1500.5" or inputs["limitAmount"] == "1500.50"
    tags = {t["tags"]["key"]: t["tags"]["values"] for t in inputs["filterExpression"]["ands"]}
    assert tags == {"llmform.dev/spec": ["hello"], "llmform.dev/environment": ["default"]}
    assert [(n["threshold"], n["notificationType"]) for n in inputs["notifications"]] == [
        (50, "ACTUAL"),
        (100, "FORECASTED"),
    ]


# ---- words and values ----


def test_amounts_in_words() -> None:
    """Something is never nothing, and a share is never rounded to all of it."""
    assert [usd(D(x)) for x in ("0", "0.001", "99.994", "100.5")] == ["$0", "less than $0.01", "$99.99", "$101"]
    assert [signed(D(x)) for x in ("5", "0", "-5")] == ["+$5.00", "$0", "-$5.00"]
    assert [percent(D(x)) for x in ("1", "1.004", "0.999", "0.5")] == ["100 %", "100.4 %", "99.9 %", "50 %"]


def test_values_are_exact_and_plain_json() -> None:
    """Amounts are decimals in text; the lines of the JSON sum up to its total."""
    change = cost_change(None, compiled(spec()))
    values = json.loads(json.dumps(cost_values(change)))
    assert sum((D(line["minimum"]) for line in values["lines"]), D(0)) == D(values["monthly"]["minimum"])
    assert set(values["views"]) == set(VIEWS)


def test_nothing_from_a_spec_steers_a_terminal() -> None:
    """Names of models and sources of prices are shown escaped."""
    change = cost_change(None, compiled(spec()))
    bad = "\x1b[31m"
    lines = tuple(replace(line, item=f"{bad}item", model=bad) for line in change.after.lines)
    unpriced = tuple(replace(u, item=bad, reason=bad) for u in change.after.unpriced)
    hostile = replace(change, after=replace(change.after, lines=lines, unpriced=unpriced))
    text = "\n".join(human_cost(hostile)) + human_table(hostile, tuple(VIEWS), details=True)
    assert "\x1b" not in text and "\\x1b[31m" in text


def test_the_formula_of_a_bought_node_needs_no_power() -> None:
    """A price alone is amortised alone."""
    assert NodePrice(usd_per_node=D(8760), years=D(1)).hour(8) == 1


def test_what_has_no_price_is_never_nothing() -> None:
    """A platform of which nothing is priced costs what nobody knows, in every form."""
    place = {key: value for key, value in ON_PREM["dresden"].items() if key != "prices"}
    value = spec(
        targets={"dresden": place | {"addons": "existing"}},
        nodePools={"l40s": {"accelerator": "nvidia-l40s", "max": 2}},
    )
    first = cost_change(None, compiled(value))
    again = cost_change(compiled(value), compiled(value))
    assert cost_line(first).startswith("Cost: not known, nothing of it has a price. Not priced: 1 to 2 nodes")
    for change in (first, again):
        said = "\n".join(human_cost(change)) + cost_line(change) + human_table(change, ("stack",), details=True)
        assert "$0" not in said


OWN_PRICES = SHEET | {"nodes": {"l40s": {"usdPerHour": 2}, "small": {"usdPerHour": 1}}}


def own(**more: Any) -> dict[str, Any]:
    """Two pools of one's own, with two replicas of a model and two of another."""
    return (
        spec(
            models={"chat": MODEL, "embedder": SMALL},
            nodePools={
                "l40s": {"accelerator": "nvidia-l40s", "perNode": 1, "max": 4},
                "small": {"accelerator": "nvidia-l40s", "perNode": 1, "max": 2},
            },
            serving={
                "chat": {"model": "chat", "pool": "l40s", "replicas": 2},
                "embed": {"model": "embedder", "pool": "small", "replicas": 2, "args": {"runner": "pooling"}},
            },
            targets=ON_PREM,
        )
        | more
    )


def test_a_renamed_pool_of_ones_own_costs_what_it_did() -> None:
    """Its nodes keep the label of before, which its pods select: 2 × $2 × 730 + 2 × $1 × 730 = $4,380 either way."""
    for moved in ({}, {"nodePools.a10": "nodePools.small"}):
        cost = priced(own(moved=moved), prices=OWN_PRICES)
        assert cost.monthly.minimum == D(4380)
        assert monthly(of(cost, "nodePools.small")) == (D(1460), D(1460), D(1460))


def test_a_price_that_leaves_the_sheet_with_its_pool_still_counts_before() -> None:
    """The pool, its server and its price go in one change: 2 × $1 × 730 = $1,460 less, not nothing."""
    after = own()
    del after["nodePools"]["small"], after["serving"]["embed"]
    fewer = SHEET | {"nodes": {"l40s": {"usdPerHour": 2}}}
    change = cost_change(compiled(own(), prices=OWN_PRICES), compiled(after, prices=fewer))
    assert change.before is not None and change.before.monthly.minimum == D(4380)
    assert change.monthly.minimum == D(-1460) and not change.uncounted
    dearer = SHEET | {"nodes": {"l40s": {"usdPerHour": 3}}}  # what the new sheet says counts on both sides
    change = cost_change(compiled(own(), prices=OWN_PRICES), compiled(after, prices=dearer))
    assert change.monthly.minimum == D(-1460)


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_a_change_of_what_has_no_price_is_not_known(region: str) -> None:
    """Nodes without a price come or go, or a platform leaves for where nothing has one: nobody knows the difference,
    and no form says one. What depends on use has no price on either side, and makes nothing unknown."""
    elsewhere = {"us-east-1": {"provider": "aws", "region": "eu-central-1", "account": "123456789012"}}
    before = spec(targets={"us-east-1": elsewhere["us-east-1"] | {"region": region}})
    after = spec(
        targets=elsewhere, nodePools={"l40s": {"accelerator": "nvidia-l40s", "instance": "g6e.xlarge", "max": 9}}
    )
    after["serving"]["chat"] |= {"replicas": 5}
    change = cost_change(compiled(before), compiled(after))
    assert "5 to 9 × g6e.xlarge" in [u.item for u in change.uncounted]
    assert not [u for u in change.uncounted if u.by_use]
    assert cost_line(change).startswith("Cost: by how much it changes is not known, ")
    values = cost_values(change)
    assert values["change"] is None and values["before"] is not None
    shown = cost_view([change])
    assert shown is not None and shown.change == "not known"
    assert [e.change for e in shown.environments] == ["not known"]
    same = cost_change(compiled(after), compiled(after | {"owner": "ml"}))
    assert same.uncounted == () and cost_values(same)["change"]["minimum"] == "0"


def test_a_pool_without_limits_has_no_maximum() -> None:
    """A patch takes Karpenter's limits away: the nodes that the server needs still cost what they do, 1,361.73, and
    those beyond are listed."""
    patch = {"match": "nodePools.l40s/NodePool/l40s", "merge": {"spec": {"limits": None}}}
    cost = priced(spec(patches=[patch]))
    assert monthly(of(cost, "nodePools.l40s"))[0] == D("1361.73")
    assert "nodes of `l40s` beyond 1" in [u.item for u in cost.unpriced]


def test_pods_of_ones_own_manifests_are_listed() -> None:
    """Nodes are counted for model servers: those that other pods need are not nothing."""
    container = {"name": "t", "image": "t:1", "resources": {"limits": {"nvidia.com/gpu": 1}}}
    pods = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "trainer"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": pods},
    }
    cost = priced(spec(manifests={"own": {"file": "own.json"}}), own=deployment)
    assert "nodes for the pods of Deployment/trainer" in [u.item for u in cost.unpriced]


def test_near_its_limit_a_budget_is_told_with_cents() -> None:
    """$1,627.72 of $1,627.70 is more than 100 %, and both read $1,628."""
    budget = {"monthly": "$1627.70", "failAbove": "100%"}
    _, found = costs(compile_spec(json.dumps(spec(budget=budget)).encode(), "spec.yaml"), None)
    assert [d.message for d in found] == [
        "`default` costs at least $1,627.72 a month, 100.0 % of its budget of $1,627.70; the plan fails above 100 %"
    ]
