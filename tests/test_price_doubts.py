"""Price sheets that cannot be true, or that count nowhere: said at their place, with what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from specs.diagnostics import Diagnostic, Severity
from specs.price_sheet_file import sheet_of
from stacks.compile import compile_spec
from tests.case_runner import run
from tests.memory_files import MemoryFiles
from tests.test_cost import ON_PREM, spec

HEAD = {"asOf": "2026-11-01", "source": "s"}
AWS = {"us-east-1": {"provider": "aws", "region": "us-east-1", "account": "123456789012", "prices": "prices.json"}}
L40S = {"l40s": {"accelerator": "nvidia-l40s", "max": 2}}


def said(sheet: dict[str, Any], targets: dict[str, Any], **more: Any) -> tuple[Diagnostic, ...]:
    """What is said of a spec whose targets have this sheet."""
    value = spec(targets=targets, **({"nodePools": L40S} | more))
    beside = MemoryFiles({"prices.json": json.dumps(HEAD | sheet).encode()})
    return compile_spec(json.dumps(value).encode(), "spec.yaml", beside).diagnostics


def text_at(text: str, d: Diagnostic) -> str:
    """The characters of one line that a finding is at."""
    return text.splitlines()[d.span.line - 1][d.span.column - 1 : d.span.end_column - 1]


# ---- what counts nowhere ----


def test_nodes_alone_count_nowhere_at_a_target_of_aws() -> None:
    """Its nodes are EC2 instances: prices of `instances` count there."""
    [found] = said({"nodes": {"l40s": {"usdPerHour": 2}}}, AWS)
    assert (found.code, found.path) == ("prices-unused", "targets.us-east-1.prices")
    assert found.severity is Severity.WARNING
    what = "`prices.json` has nodes of one's own alone, and the nodes of `us-east-1` are AWS's: they count nowhere"
    assert found.message == what
    assert "`instances`" in found.help


def test_prices_of_aws_alone_count_nowhere_at_a_place_of_ones_own() -> None:
    """Its nodes are what `nodes` says."""
    sheet = {"region": "us-east-1", "instances": {"g6e.xlarge": {"onDemand": 2}}}
    [found] = [d for d in said(sheet, ON_PREM) if d.code == "prices-unused"]
    assert found.path == "targets.dresden.prices"
    assert "prices of AWS alone" in found.message and "`nodes`" in found.help


def test_a_sheet_of_two_targets_counts_at_both() -> None:
    """What one of them has no use for is the other's."""
    sheet = {
        "region": "us-east-1",
        "instances": {"g6e.xlarge": {"onDemand": 2}},
        "nodes": {"l40s": {"usdPerHour": 2}},
    }
    assert not [d for d in said(sheet, AWS | ON_PREM) if d.code.startswith("prices")]


@pytest.mark.parametrize("targets", [AWS, ON_PREM])
@pytest.mark.parametrize("sheet", [{}, {"nodes": {}}, {"region": "us-east-1", "instances": {}}])
def test_a_sheet_without_prices_is_told(sheet: dict[str, Any], targets: dict[str, Any]) -> None:
    """At the sheet: a target that names one has prices of its own."""
    [found] = [d for d in said(sheet, targets) if d.code == "prices-unused"]
    assert found.severity is Severity.WARNING
    assert (found.span.file, found.span.line) == ("prices.json", 1)
    assert found.message == "the price sheet has no prices"


# ---- what cannot be true ----


@pytest.mark.parametrize("spot", ["5", {"usd": 5, "source": "offer"}])
def test_spot_above_on_demand_is_told(spot: Any) -> None:
    """With both numbers, at both places: EC2 asks no more for spot (Amazon EC2 user guide, Spot Instance pricing)."""
    [found] = said({"region": "us-east-1", "instances": {"g6e.xlarge": {"onDemand": "1.50", "spot": spot}}}, AWS)
    assert (found.code, found.path) == ("prices-spot", "instances.g6e.xlarge.spot")
    assert found.severity is Severity.WARNING
    assert found.message == "`g6e.xlarge` costs $5 an hour as spot, and $1.5 on demand"
    assert [label.text for label in found.related] == ["$1.5 on demand"]


def test_spot_at_the_on_demand_price_is_nothing_to_say() -> None:
    """It is its ceiling."""
    assert not said({"region": "us-east-1", "instances": {"g6e.xlarge": {"onDemand": "1.50", "spot": 1.5}}}, AWS)


def test_import_tells_doubts_of_a_sheet_and_writes_it(tmp_path: Path) -> None:
    """A warning is no error."""
    text = "asOf: 2026-11-01\nsource: s\nregion: us-east-1\ninstances:\n  g6e.xlarge: {onDemand: 1, spot: 5}\n"
    (tmp_path / "own.yaml").write_text(text)
    status, out, err = run(["prices", "import", "own.yaml"], tmp_path)
    assert status == 0 and "g6e.xlarge" in out
    assert err.startswith("warning[prices-spot]: `g6e.xlarge` costs $5 an hour as spot, and $1 on demand\n")
    assert "own.yaml:5:35" in err


BOUGHT = {"usdPerNode": 62000, "years": 4}
POWER = {"watts": 2400, "usdPerKilowattHour": 0.22}


@pytest.mark.parametrize(
    ("node", "path", "marked", "message"),
    [
        (BOUGHT | {"years": 0}, "years", "0", "is 0: a node is used for a time"),
        (BOUGHT | {"years": "0.0"}, "years", '"0.0"', "is 0: a node is used for a time"),
        (BOUGHT | POWER | {"overhead": 0.9}, "overhead", "0.9", "is below 1: a PUE never is"),
        (BOUGHT | {"overhead": 1.3}, "overhead", '"overhead"', "has nothing to count on: there are no `watts`"),
    ],
)
def test_a_purchase_that_cannot_be_true(node: dict[str, Any], path: str, marked: str, message: str) -> None:
    """Each is one error, at the value or the key itself."""
    text = json.dumps(HEAD | {"nodes": {"l40s": node}})
    sheet, found = sheet_of(text.encode(), "p.json")
    assert sheet is None
    assert [(d.code, d.path) for d in found] == [("bad-value", f"nodes.l40s.{path}")]
    assert found[0].message == f"`nodes.l40s.{path}` {message}"
    assert text_at(text, found[0]) == marked and found[0].help


def test_an_overhead_of_1_is_one() -> None:
    """Nothing is lost, as if it were left out."""
    sheet, found = sheet_of(json.dumps(HEAD | {"nodes": {"l40s": BOUGHT | POWER | {"overhead": 1}}}).encode(), "p.json")
    assert sheet is not None and not found


# ---- GPUs that a pool does not have ----

BOX = {"box": {"accelerator": "none", "cores": 8, "memory": "16Gi", "max": 1}}
SMALL = {
    "source": "hf://Qwen/Qwen2.5-1.5B-Instruct-GGUF",
    "revision": "91cad51170dc346986eccefdc2dd33a9da36ead9",
    "file": "qwen2.5-1.5b-instruct-q4_k_m.gguf",
    "sha256": "6a1a2eb6d15622bf3c96857206351ba97e1af16c30d7a74ee38970e434e9407e",
    "contextLength": "8k",
}
SERVED = {
    "models": {"small": SMALL},
    "nodePools": BOX,
    "serving": {"small": {"model": "small", "engine": "llama-cpp", "pool": "box"}},
}
SITE = {"provider": "edge", "sites": [{"name": "a", "kubeContext": "a", "zone": "z"}], "cache": {"models": "20Gi"}}


@pytest.mark.parametrize("targets", [ON_PREM, {"shops": SITE | {"prices": "prices.json"}}], ids=["on-prem", "edge"])
def test_a_pool_without_gpus_has_no_price_by_the_gpu(targets: dict[str, Any]) -> None:
    """GPUs × price would be $0, and count as priced."""
    found = [d for d in said({"nodes": {"box": {"usdPerGpuHour": 0.5}}}, targets, **SERVED) if d.is_error]
    assert [(d.code, d.path) for d in found] == [("bad-value", "nodes.box.usdPerGpuHour")]
    assert found[0].message == "`box` has no GPUs: a price by the GPU says nothing of its nodes"
    assert "`usdPerHour`" in found[0].help and found[0].span.file == "prices.json"
    assert not [d for d in said({"nodes": {"box": {"usdPerHour": 0.5}}}, targets, **SERVED) if d.is_error]


def test_at_a_target_of_aws_nodes_are_not_judged() -> None:
    """They count nowhere there, which is what is said."""
    codes = {d.code for d in said({"nodes": {"box": {"usdPerGpuHour": 0.5}}}, AWS, nodePools=L40S | BOX)}
    assert "bad-value" not in codes and "prices-unused" in codes
