"""The typed reader of the catalog: facts that ship with llmform, by edition.

Every loader is cached and reads its file on first use, so that a plan pays only for the tables it asks for.
A row that does not fit its class raises at once: the catalog is ours, a wrong row is a bug and fails the
tests, not the user. Values are immutable and mappings read-only; dates are `datetime.date`, money stays a
decimal string. Rows are named tuples because a frozen dataclass takes ten times as long to define (1.4 ms
against 0.14 ms on the two cores this was measured on), and every plan imports all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from specs.catalog.architecture import Architecture
from specs.catalog.flags import Flag, check_argument, engine_flags, find_flag, has_flags, removed_flags
from specs.catalog.kinds import KindRow, kinds, merge_keys
from specs.catalog.models import License, ModelRow, Models, read_licenses
from specs.catalog.replacement import Replacement, replacement
from specs.catalog.tables import read_table

__all__ = [
    "EDITIONS",
    "NEWEST",
    "Accelerator",
    "Ami",
    "Architecture",
    "Chart",
    "Edition",
    "EksVersion",
    "Flag",
    "Image",
    "Instance",
    "KindRow",
    "License",
    "ModelRow",
    "Pin",
    "Region",
    "Replacement",
    "check_argument",
    "engine_flags",
    "find_flag",
    "has_flags",
    "kinds",
    "load_edition",
    "merge_keys",
    "removed_flags",
    "replacement",
]

EDITIONS: tuple[str, ...] = ("2026-11",)
"""The editions this release knows, oldest first."""

NEWEST: str = EDITIONS[-1]
"""The edition of a spec that names none."""


class Pin(NamedTuple):
    """One pinned version; where no record of the exact value was found, `verified` is false (see `note`)."""

    version: str
    as_of: date
    source: str
    verified: bool = True
    note: str = ""


class Chart(NamedTuple):
    """A Helm chart. `repository` is an OCI folder (`oci://…`) or a chart repository's address."""

    repository: str
    chart: str
    version: str
    as_of: date
    source: str
    verified: bool = True
    note: str = ""


class Image(NamedTuple):
    """A container image by tag, and by digest where one is recorded."""

    repository: str
    tag: str
    as_of: date
    source: str
    digest: str | None = None
    verified: bool = True
    note: str = ""

    @property
    def reference(self) -> str:
        """The reference that a container takes: `repository:tag`, with `@digest` if there is one."""
        return f"{self.repository}:{self.tag}" + (f"@{self.digest}" if self.digest else "")


class EksVersion(NamedTuple):
    """A Kubernetes version of EKS and when its support ends (UTC; the first day without that support)."""

    version: str
    released: date
    standard_until: date
    extended_until: date
    as_of: date
    source: str
    note: str = ""

    def support(self, on: date) -> Literal["none", "standard", "extended"]:
        """The kind of support on a day; extended support costs extra per cluster and hour."""
        if on < self.released or on >= self.extended_until:
            return "none"
        return "standard" if on < self.standard_until else "extended"


class Ami(NamedTuple):
    """The node image: one release of the EKS-optimized AMI, as Karpenter and managed node groups name it."""

    family: str
    karpenter_alias: str
    release_version: str
    as_of: date
    source: str
    verified: bool = True
    note: str = ""


class Accelerator(NamedTuple):
    """One kind of GPU. `memory_mib` is what EC2 reports for one GPU, not what CUDA leaves to a process."""

    name: str
    manufacturer: str
    memory_mib: int
    instance_gpu_name: str
    """The value of Karpenter's label `karpenter.k8s.aws/instance-gpu-name`."""
    compute_capability: str


class Instance(NamedTuple):
    """An EC2 instance type."""

    name: str
    arch: str
    vcpu: int
    memory_mib: int
    accelerator: str | None
    """A name of `Edition.accelerators`."""
    gpus: int
    """GPUs that a node of this type shows to Kubernetes (0 for g6f, gr6f and p5.4xlarge)."""
    gpus_physical: int
    local_nvme_gb: int
    network_mbps: int
    efa: int
    """Number of EFA interfaces."""
    allocatable_cpu_millis: int
    allocatable_memory_mib: int
    usd_per_hour: str | None
    """On demand, Linux, in `Edition.price_region`: a decimal string, None where there is no such price."""
    note: str = ""


class Region(NamedTuple):
    """An AWS region and the letters of its availability zones (`("a", "b")`: us-east-1a, us-east-1b)."""

    name: str
    zones: tuple[str, ...]
    opt_in: bool = False
    note: str = ""
    unsafe: tuple[str, ...] = ()
    """Letters that in most accounts stand for a zone which EKS refuses for the control plane; never chosen by
    number. EKS user guide, "VPC and subnet requirements": use1-az3, usw1-az2, cac1-az3."""


def _row(kind: type[Any], row: Mapping[str, Any], **more: Any) -> Any:
    """Build a row from its JSON: an unknown or a missing key is a TypeError, dates are parsed."""
    values = {**row, **more}
    for key in ("as_of", "released", "standard_until", "extended_until"):
        if key in values and isinstance(values[key], str):
            values[key] = date.fromisoformat(values[key])
    return kind(**values)


def _rows(kind: type[Any], table: Mapping[str, Mapping[str, Any]], key: str = "", **more: Any) -> Mapping[str, Any]:
    """Build the rows of a table; `key` names the field that takes the row's own key."""
    return MappingProxyType(
        {name: _row(kind, {**more, **row}, **({key: name} if key else {})) for name, row in table.items()}
    )


@dataclass(frozen=True, eq=False)
class Edition:
    """A frozen set of defaults and versions. The large tables are read when they are first asked for."""

    name: str
    as_of: date
    eks: EksVersion
    """The default version, in standard support on `as_of`."""
    eks_versions: Mapping[str, EksVersion]
    addons: Mapping[str, Pin]
    """EKS add-ons by their AWS name, as versions that belong to `eks`."""
    charts: Mapping[str, Chart]
    images: Mapping[str, Image]
    engines: Mapping[str, str]
    providers: Mapping[str, str]
    """Versions of the Pulumi provider plugins that the graph's inputs were checked against."""
    ami: Ami

    @cached_property
    def accelerators(self) -> Mapping[str, Accelerator]:
        """GPUs by llmform's name (`nvidia-l40s`); NVIDIA only, since the engines are CUDA builds."""
        return _rows(Accelerator, read_table(self.name, "accelerators.json")["accelerators"], "name")

    @cached_property
    def instances(self) -> Mapping[str, Instance]:
        """EC2 instance types: all with NVIDIA GPUs and the general ones that pools without GPUs use."""
        return _rows(Instance, read_table(self.name, "instances.json")["instances"], "name")

    @cached_property
    def price_region(self) -> str:
        """The region that `Instance.usd_per_hour` is for."""
        region: str = read_table(self.name, "instances.json")["region"]
        return region

    @cached_property
    def regions(self) -> Mapping[str, Region]:
        """AWS regions by name."""
        table = read_table(self.name, "regions.json")["regions"]
        return _rows(
            Region,
            {n: {**r, "zones": tuple(r["zones"]), "unsafe": tuple(r.get("unsafe", ()))} for n, r in table.items()},
            "name",
        )

    @cached_property
    def models(self) -> Mapping[str, ModelRow]:
        """Models by hub name (`Qwen/Qwen2.5-7B-Instruct`)."""
        return Models(self._models)

    @cached_property
    def licenses(self) -> Mapping[str, License]:
        """The licences of those models, by the hub's id."""
        return read_licenses(self._models)

    @cached_property
    def _models(self) -> Mapping[str, Any]:
        return read_table(self.name, "models.json")


@cache
def load_edition(name: str) -> Edition:
    """The edition of that name. Raises KeyError for a name that is not in `EDITIONS`."""
    if name not in EDITIONS:
        raise KeyError(name)
    document = read_table(name, "edition.json")
    as_of = document["as_of"]
    eks_versions = _rows(EksVersion, document["eks_versions"], "version", as_of=as_of)
    return Edition(
        name=name,
        as_of=date.fromisoformat(as_of),
        eks=eks_versions[document["eks"]],
        eks_versions=eks_versions,
        addons=_rows(Pin, document["addons"], as_of=as_of),
        charts=_rows(Chart, document["charts"], as_of=as_of),
        images=_rows(Image, document["images"], as_of=as_of),
        engines=MappingProxyType(dict(document["engines"])),
        providers=MappingProxyType(dict(document["providers"])),
        ami=_row(Ami, {"as_of": as_of, **document["ami"]}),
    )
