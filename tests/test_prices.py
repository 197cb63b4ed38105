"""Price sheets: what they may say, what AWS's price list becomes, and that an amount stays what it was."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specs.price_sheet import NodePrice, Rate, Sheet, sheet_from_values, sheet_text, sheet_values
from specs.price_sheet_file import sheet_of
from stacks.cost.aws_offer import read_offer
from stacks.cost.aws_offer_rows import NoOffer
from tests.case_runner import run

D = Decimal
KNOWN = ("g6e.xlarge", "m7i.large")


def product(sku: str, usage: str = "", **attributes: str) -> dict[str, Any]:
    """A product as AWS's price list has it (AWS Billing user guide, "Reading the service price list file")."""
    own = {"servicecode": "AmazonEC2", "regionCode": "eu-central-1", "usagetype": usage or f"EUC1-BoxUsage:{sku}"}
    return {"sku": sku, "productFamily": "Compute Instance", "attributes": own | attributes}


def instance(sku: str, name: str, **more: str) -> dict[str, Any]:
    plain = {"operatingSystem": "Linux", "tenancy": "Shared", "preInstalledSw": "NA", "capacitystatus": "Used"}
    return product(sku, instanceType=name, **(plain | more))


def term(sku: str, usd: str, unit: str = "Hrs") -> dict[str, Any]:
    rate = f"{sku}.JRTCKXETXF.6YS6EN2CT7"
    dimension = {
        "rateCode": rate, "description": "", "beginRange": "0", "endRange": "Inf", "unit": unit,
        "pricePerUnit": {"USD": usd}, "appliesTo": [],
    }  # fmt: skip
    return {f"{sku}.JRTCKXETXF": {"sku": sku, "offerTermCode": "JRTCKXETXF", "priceDimensions": {rate: dimension}}}


PRODUCTS = [
    (instance("A1", "g6e.xlarge"), "2.3262500000", "Hrs"),
    (instance("A2", "g6e.xlarge", operatingSystem="Windows"), "2.5102500000", "Hrs"),
    (instance("A3", "g6e.xlarge", tenancy="Dedicated"), "2.4", "Hrs"),
    (instance("A4", "g6e.xlarge", capacitystatus="UnusedCapacityReservation"), "2.3262500000", "Hrs"),
    (instance("A5", "g6e.xlarge", preInstalledSw="SQL Std"), "3.1", "Hrs"),
    (instance("A6", "x9.enormous"), "99", "Hrs"),
    (instance("A7", "m7i.large"), "0.1206450000", "Hrs"),
    (product("N1", "EUC1-NatGateway-Hours"), "0.0520000000", "Hrs"),
    (product("N2", "EUC1-NatGateway-Bytes"), "0.0520000000", "GB"),
    (product("V1", "EUC1-EBS:VolumeUsage.gp3"), "0.0952000000", "GB-Mo"),
]


def offer(**more: Any) -> str:
    whole = {
        "formatVersion": "v1.0",
        "disclaimer": "This pricing list is for informational purposes only.",
        "offerCode": "AmazonEC2",
        "version": "20261101000000",
        "publicationDate": "2026-11-01T00:00:00Z",
        "products": {p["sku"]: p for p, _, _ in PRODUCTS},
        "terms": {
            "OnDemand": {p["sku"]: term(p["sku"], usd, unit) for p, usd, unit in PRODUCTS},
            "Reserved": {"A1": term("A1", "0.5")},
        },
    }
    return json.dumps(whole | more, indent=1)


def offer_csv() -> str:
    out = io.StringIO()
    rows = csv.writer(out, quoting=csv.QUOTE_ALL)
    rows.writerows(
        [["FormatVersion", "v1.0"], ["Disclaimer", "informational"], ["Publication Date", "2026-11-01T00:00:00Z"]]
    )
    rows.writerows([["Version", "20261101000000"], ["OfferCode", "AmazonEC2"]])
    attributes = {
        "Instance Type": "instanceType", "Operating System": "operatingSystem", "Tenancy": "tenancy",
        "Pre Installed S/W": "preInstalledSw", "CapacityStatus": "capacitystatus", "usageType": "usagetype",
        "Region Code": "regionCode",
    }  # fmt: skip
    rows.writerow(["SKU", "TermType", "Unit", "PricePerUnit", "Currency", *attributes])
    for p, usd, unit in PRODUCTS:
        cells = [p["attributes"].get(key, "") for key in attributes.values()]
        rows.writerow([p["sku"], "OnDemand", unit, usd, "USD", *cells])
        rows.writerow([p["sku"], "Reserved", unit, "0.01", "USD", *cells])
    return out.getvalue()


@pytest.mark.parametrize("text", [offer(), offer_csv(), "\ufeff" + offer()], ids=["json", "csv", "byte order mark"])
def test_the_price_list_of_aws_becomes_a_sheet(text: str) -> None:
    """Linux, shared, nothing installed, used: one price a type; and what is by the hour or gigabyte beside them."""
    sheet, left_out = read_offer(io.StringIO(text), "index", KNOWN)
    assert sheet.region == "eu-central-1"
    assert sheet.as_of == "2026-11-01"
    assert sheet.instances == {"g6e.xlarge": Rate(D("2.32625")), "m7i.large": Rate(D("0.120645"))}
    assert sheet.services == {"nat-gateway": D("0.052"), "gp3-storage": D("0.0952")}
    assert left_out == {"of something else": 6}  # of ten on-demand prices


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "not JSON"),
        ("{}", "no `offerCode`"),
        (offer(offerCode="AmazonS3"), "price list of AmazonS3"),
        (offer(products=[]), "no `products`"),
        (offer(publicationDate="yesterday"), "no day of publication"),
        (offer(publicationDate=None), "no day of publication"),
        (offer_csv().replace("2026-11-01T00:00:00Z", "2026-13-01"), "no day of publication"),
        (offer().replace("eu-central-1", "eu\\u001b[31m"), "no on-demand price"),
        (offer(terms={"OnDemand": {"A1": term("A1", "1e500")}}), "no on-demand price"),
        (offer(terms={"OnDemand": {"A1": term("A1", "NaN")}}), "no on-demand price"),
        (offer(terms={}), "no `products` and `terms.OnDemand`"),
        (offer(terms={"OnDemand": {"A1": None, "A2": {"x": 1}}}), "no on-demand price"),
        ("a,b\n1,2\n", "neither"),
        ("", "neither"),
        ("\n".join(["x,y"] * 6), "OfferCode"),
        (offer_csv().replace('"Currency"', '"Money"'), "no column `Currency`"),
    ],
)
def test_what_is_no_price_list_is_refused(text: str, why: str) -> None:
    """With the reason, and without a traceback."""
    with pytest.raises(NoOffer, match=why):
        read_offer(io.StringIO(text), "index", KNOWN)


def test_a_list_of_several_regions_needs_one_named() -> None:
    """Nobody guesses which region is meant."""
    there = json.loads(offer())
    there["products"]["Z1"] = instance("Z1", "m7i.large", regionCode="us-east-1")
    there["terms"]["OnDemand"]["Z1"] = term("Z1", "0.1008")
    text = json.dumps(there)
    with pytest.raises(NoOffer, match="2 regions"):
        read_offer(io.StringIO(text), "index", KNOWN)
    assert read_offer(io.StringIO(text), "index", KNOWN, "us-east-1").sheet.instances == {
        "m7i.large": Rate(D("0.1008"))
    }
    with pytest.raises(NoOffer, match="no prices of ap-south-1"):
        read_offer(io.StringIO(text), "index", KNOWN, "ap-south-1")


AMOUNTS = st.decimals(0, 10**9, places=6).filter(lambda d: d > 0)
RATES = st.builds(Rate, AMOUNTS, st.none() | AMOUNTS) | st.builds(Rate, st.none(), AMOUNTS)
HOURS = AMOUNTS.map(lambda usd: NodePrice(usd_per_hour=usd))
FACTORS = st.decimals(1, 10**9, places=6)  # a PUE is never below 1
BOUGHT = st.tuples(AMOUNTS, AMOUNTS, AMOUNTS, st.none() | FACTORS).map(
    lambda t: NodePrice(None, None, t[0], D("3.5"), t[1], t[2], t[3])
)
NODES = HOURS | BOUGHT
NAMES = st.from_regex(r"[a-z][a-z0-9.]{0,20}[a-z]", fullmatch=True) | st.sampled_from(("no", "on", "1e3", "null"))
SHEETS = st.builds(
    Sheet,
    st.just("p.yaml"),
    st.just("2026-11-01"),
    st.text(min_size=1).filter(lambda t: t.strip() and t.isprintable()),
    st.just("us-east-1"),
    st.dictionaries(NAMES, RATES, max_size=3),
    st.dictionaries(st.sampled_from(("nat-gateway", "eks-cluster")), AMOUNTS, max_size=2),
    st.dictionaries(NAMES, NODES, max_size=3),
    st.just({}),  # `tests/test_price_origins.py`
)


@given(SHEETS)
def test_a_sheet_is_read_back_as_it_was_written(sheet: Sheet) -> None:
    """As a file, and as a part of a recorded compilation; amounts are exact."""
    back, found = sheet_of(sheet_text(sheet, "written").encode(), "p.yaml")
    assert found == () and back == sheet
    assert sheet_from_values("p.yaml", json.loads(json.dumps(sheet_values(sheet)))) == sheet


@given(st.text(max_size=200))
def test_any_text_gives_a_sheet_or_reasons(text: str) -> None:
    """Nothing that a file can hold is a bug."""
    sheet, found = sheet_of(text.encode("utf-8", "replace"), "p.yaml")
    assert sheet is not None or found


@pytest.mark.parametrize(
    "node",
    [
        {"usdPerHour": 1, "usdPerGpuHour": 1},
        {},
        {"usdPerNode": 1, "years": 0},
        {"usdPerNode": 1, "years": 2, "watts": 100},
        {"usdPerHour": 1, "watts": 1, "usdPerKilowattHour": 1},
        {"usdPerHour": -1},
        {"usdPerHour": True},
        {"usdPerHour": ".inf"},
        {"usdPerHour": "1e3"},
    ],
)
def test_a_node_has_one_whole_price(node: dict[str, Any]) -> None:
    """Anything else is one error at its place."""
    text = json.dumps({"asOf": "2026-11-01", "source": "s", "nodes": {"l40s": node}})
    sheet, found = sheet_of(text.encode(), "p.yaml")
    assert sheet is None and [d.code for d in found] == ["bad-value"]


def test_a_rate_says_a_price() -> None:
    """An instance type with nothing beside it is a mistake: it would be priced by the list, or not at all."""
    text = json.dumps({"asOf": "2026-11-01", "source": "s", "region": "us-east-1", "instances": {"g6e.xlarge": {}}})
    sheet, found = sheet_of(text.encode(), "p.yaml")
    assert sheet is None and [d.code for d in found] == ["bad-value"]


def test_import_for_a_region_takes_no_sheet_of_another(tmp_path: Path) -> None:
    """`--region` holds for price sheets as for price lists."""
    (tmp_path / "own.yaml").write_text(
        "asOf: 2026-11-15\nsource: s\nregion: us-east-1\ninstances:\n  g6e.xlarge: {onDemand: 1.9}\n"
    )
    status, out, err = run(["prices", "import", "own.yaml", "--region", "eu-central-1"], tmp_path)
    assert (status, out) == (1, "")
    assert err.startswith("error: `own.yaml` has prices of us-east-1, and `--region` says eu-central-1\n")
    assert run(["prices", "import", "own.yaml", "--region", "us-east-1"], tmp_path)[0] == 0


def test_import_writes_what_a_target_names(tmp_path: Path) -> None:
    """List prices, then what was agreed: the later file counts; the result is a sheet again."""
    (tmp_path / "index.json").write_text(offer())
    (tmp_path / "own.yaml").write_text(
        "asOf: 2026-11-15\nsource: agreement no. 4711\nregion: eu-central-1\ninstances:\n  g6e.xlarge: {onDemand: 1.9, "
        "spot: 0.8}\nnodes:\n  box: {usdPerHour: 0.05}\n"
    )
    status, out, err = run(["prices", "import", "index.json", "own.yaml", "-o", "prices.yaml"], tmp_path)
    assert (status, out) == (0, "")
    assert err == "index.json: 2 instance types of eu-central-1; 6 prices left out: 6 of something else\n"
    sheet, _ = sheet_of((tmp_path / "prices.yaml").read_bytes(), "prices.yaml")
    assert sheet is not None
    assert sheet.instances["g6e.xlarge"] == Rate(D("1.9"), D("0.8"))
    assert sheet.instances["m7i.large"] == Rate(D("0.120645"))
    assert (sheet.as_of, sheet.nodes["box"].usd_per_hour) == ("2026-11-15", D("0.05"))


@pytest.mark.parametrize(
    ("name", "text", "status"),
    [
        ("gone.json", None, 2),
        ("broken.json", '{"offerCode": "AmazonEC2"}', 1),
        ("broken.yaml", "asOf: yesterday\n", 1),
        ("empty", "", 1),
    ],
)
def test_import_of_what_cannot_be_read(name: str, text: str | None, status: int, tmp_path: Path) -> None:
    """One clear error, and no file is written."""
    if text is not None:
        (tmp_path / name).write_text(text)
    done, out, err = run(["prices", "import", name, "-o", "prices.yaml"], tmp_path)
    assert (done, out) == (status, "")
    assert "error" in err and "Traceback" not in err and "bug" not in err
    assert not (tmp_path / "prices.yaml").exists()
