"""Prices of several sheets in one: each keeps the day and the source of the sheet that it came from."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs.price_sheet import NodePrice, Origin, Rate, Sheet, merged, sheet_from_values, sheet_text, sheet_values
from specs.price_sheet_file import sheet_of
from tests.case_runner import run
from tests.test_cost import ON_PREM, of, priced, spec

D = Decimal
LIST = Sheet(
    "list.csv", "2026-11-01", "AWS", "eu-central-1", {"g6e.xlarge": Rate(D(2)), "m7i.large": Rate(D("0.12"))},
    {"nat-gateway": D("0.052")},
)  # fmt: skip
AGREED = Sheet("a.yaml", "2025-01-01", "agreement", "eu-central-1", {"g6e.xlarge": Rate(D(1), D("0.5"))})


def test_each_price_keeps_the_day_and_source_of_its_sheet() -> None:
    """A price of 2025 is not one of 2026-11-01 because a list of that day stands beside it."""
    both = merged(LIST, AGREED)
    assert both.origin("instances", "g6e.xlarge", "onDemand") == Origin("2025-01-01", "agreement")
    assert both.origin("instances", "g6e.xlarge", "spot") == Origin("2025-01-01", "agreement")
    assert both.origin("instances", "m7i.large", "onDemand") == Origin("2026-11-01", "AWS")
    assert both.origin("services", "nat-gateway") == Origin("2026-11-01", "AWS")


def test_on_demand_and_spot_can_come_from_two_sheets() -> None:
    """An agreement on spot alone says nothing of the price on demand."""
    both = merged(LIST, AGREED._replace(instances={"g6e.xlarge": Rate(spot=D("0.5"))}))
    assert both.instances["g6e.xlarge"] == Rate(D(2), D("0.5"))
    assert both.origin("instances", "g6e.xlarge", "onDemand") == Origin("2026-11-01", "AWS")
    assert both.origin("instances", "g6e.xlarge", "spot") == Origin("2025-01-01", "agreement")


def test_the_sheet_has_the_day_of_most_of_its_prices() -> None:
    """So that it says the least; of as many, that of the later file."""
    both = merged(LIST, AGREED._replace(instances={"g6e.xlarge": Rate(D(1))}))  # one price against two
    assert (both.as_of, both.source) == ("2026-11-01", "AWS")
    assert both.origins == {("instances", "g6e.xlarge", "onDemand"): Origin("2025-01-01", "agreement")}
    even = merged(LIST, AGREED)  # two against two
    assert (even.as_of, even.source) == ("2025-01-01", "agreement")


NAMES = ("a.large", "b.large")
SOURCES = ("AWS", "ours", "x: {y}")
DAYS = ("2025-01-01", "2026-11-01")
PRICES = st.sampled_from((D(1), D("0.25")))
SHEETS = st.builds(
    Sheet,
    st.just("p.yaml"),
    st.sampled_from(DAYS),
    st.sampled_from(SOURCES),
    st.just("us-east-1"),
    st.dictionaries(st.sampled_from(NAMES), st.builds(Rate, PRICES, st.none() | PRICES)),
    st.dictionaries(st.sampled_from(("nat-gateway", "eks-cluster")), PRICES),
    st.dictionaries(st.sampled_from(NAMES), PRICES.map(lambda usd: NodePrice(usd_per_hour=usd))),
    st.just({}),
)


@given(st.lists(SHEETS, min_size=2, max_size=3))
def test_sheets_in_one_are_read_back_and_say_what_each_said(sheets: list[Sheet]) -> None:
    """As a file and as a part of a recorded compilation; of each price the last sheet that has it counts."""
    whole = sheets[0]
    for sheet in sheets[1:]:
        whole = merged(whole, sheet)
    back, found = sheet_of(sheet_text(whole).encode(), "p.yaml")
    assert found == () and back == whole
    assert sheet_from_values("p.yaml", json.loads(json.dumps(sheet_values(whole)))) == whole
    for name in NAMES:
        having = [s for s in sheets if name in s.nodes]
        if having:
            assert whole.nodes[name] == having[-1].nodes[name]
            assert whole.origin("nodes", name) == Origin(having[-1].as_of, having[-1].source)
        spots = [s for s in sheets if name in s.instances and s.instances[name].spot is not None]
        if spots:
            assert whole.instances[name].spot == spots[-1].instances[name].spot
            assert whole.origin("instances", name, "spot") == Origin(spots[-1].as_of, spots[-1].source)


def test_costs_show_the_day_and_source_of_each_price() -> None:
    """Nodes of one's own, bought once; and an instance type whose price is another's."""
    sheet = {
        "asOf": "2026-11-01", "source": "AWS", "region": "us-east-1",
        "instances": {"g6e.xlarge": {"onDemand": {"usd": 1, "asOf": "2025-01-01", "source": "agreement"}}},
        "services": {"nat-gateway": {"usd": "0.05", "source": "invoice"}},
        "nodes": {"l40s": {"usdPerHour": 2, "asOf": "2024-06-01"}},
    }  # fmt: skip
    value = spec()
    value["targets"]["us-east-1"]["prices"] = "prices.json"
    cost = priced(value, prices=sheet)
    [line] = of(cost, "nodePools.l40s", "g6e.xlarge")
    assert (line.price.usd, line.price.as_of, line.price.source) == (D(1), "2025-01-01", "agreement (prices.json)")
    [nat] = [line for line in cost.lines if line.item == "NAT gateway"]
    assert (nat.price.usd, nat.price.as_of, nat.price.source) == (D("0.05"), "2026-11-01", "invoice (prices.json)")
    pools = {"l40s": {"accelerator": "nvidia-l40s", "max": 2}}
    there = priced(spec(targets=ON_PREM, nodePools=pools), prices=sheet)
    [node] = of(there, "nodePools.l40s")
    assert (node.price.as_of, node.price.source) == ("2024-06-01", "AWS (prices.json)")


@pytest.mark.parametrize(
    ("section", "path", "code"),
    [
        ({"instances": {"a": {"onDemand": {}}}}, "instances.a.onDemand.usd", "missing-key"),
        ({"instances": {"a": {"spot": {"usd": "x"}}}}, "instances.a.spot.usd", "bad-value"),
        ({"instances": {"a": {"spot": {"usd": 1, "day": "2026-11-01"}}}}, "instances.a.spot.day", "unknown-key"),
        ({"services": {"nat-gateway": {"usd": 1, "asOf": "soon"}}}, "services.nat-gateway.asOf", "bad-value"),
        ({"services": {"nat-gateway": {"usd": 1, "source": 4}}}, "services.nat-gateway.source", "wrong-type"),
        ({"services": {"nat-gateway": {"usd": 1, "source": " "}}}, "services.nat-gateway.source", "wrong-type"),
        ({"nodes": {"box": {"usdPerHour": 1, "asOf": 2026}}}, "nodes.box.asOf", "wrong-type"),
        ({"nodes": {"box": {"asOf": "2026-11-01"}}}, "nodes.box", "bad-value"),
        ({"nodes": {"box": {"usdPerHour": {"usd": 1}}}}, "nodes.box.usdPerHour", "bad-value"),
    ],
)
def test_a_price_with_its_own_day_is_checked(section: dict[str, Any], path: str, code: str) -> None:
    """Each mistake is one error at its place."""
    text = json.dumps({"asOf": "2026-11-01", "source": "s", "region": "us-east-1"} | section)
    sheet, found = sheet_of(text.encode(), "p.yaml")
    assert sheet is None and [(d.code, d.path) for d in found] == [(code, path)]


def test_import_writes_the_day_of_each_price(tmp_path: Path) -> None:
    """Two sheets in one, as a reader sees them."""
    head = "region: eu-central-1\ninstances:\n"
    new = f"asOf: 2026-11-01\nsource: list\n{head}  g6e.xlarge: {{onDemand: 2}}\n  m7i.large: {{onDemand: 0.12}}\n"
    (tmp_path / "new.yaml").write_text(new)
    (tmp_path / "old.yaml").write_text(f"asOf: 2025-01-01\nsource: old\n{head}  g6e.xlarge: {{onDemand: 1}}\n")
    status, out, _ = run(["prices", "import", "new.yaml", "old.yaml"], tmp_path)
    assert status == 0
    assert out == (
        "# Written by `llmform prices import`.\n"
        'asOf: "2025-01-01"\nsource: "old"\nregion: "eu-central-1"\ninstances:\n'
        '  "g6e.xlarge": {onDemand: "1"}\n'
        '  "m7i.large": {onDemand: {usd: "0.12", asOf: "2026-11-01", source: "list"}}\n'
    )
