"""What `llmform plan` costs for a fleet, as ratios measured in one run.

    python benchmarks/fleet.py            the figures: some minutes
    python benchmarks/fleet.py --smoke    one small run of each, to see that the benchmark works

`growth`: 1, 10, 100 and 1,000 stacks, as new, with one process and with one for each processor: wall time, processor
time and peak memory of all processes together, and what a further stack takes at 100 and at 1,000: equal figures are
linear growth. `change`: the same fleets against a commit of git in which one line is another. `terraform`: the AWS
resources of one foundation against `terraform plan` of the same, if `terraform` is on PATH with a mirror of its AWS
provider (`TF_CLI_CONFIG_FILE` or a `filesystem_mirror`); else a line says that it is left out.

A fleet is specs/examples/environments.yaml with its AWS target in many accounts, three stacks a target, some 130
resources together. The example of a support assistant that the design speaks of has sections that llmform does not
compile yet; with it a stack will have about five times as many resources.
Nothing here fails on a time: machines differ, and the reader judges.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from components.graph import Node, Ref
from stacks.compile import compile_spec
from stacks.files import DiskFiles

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "specs" / "examples" / "environments.yaml"
TOOL = "import gc, sys; gc.disable(); sys.argv[0] = 'llmform'; from stacks.cli import main; sys.exit(main())"
"""What `./llmform` runs."""

ENOUGH_MIB, ENOUGH_SECONDS = 2048, 15
"""What the design promises for 1,000 stacks on two processors."""


@dataclass(frozen=True)
class Run:
    """One finished command: wall and processor time in seconds, peak memory in MiB of all its processes together."""

    wall: float
    cpu: float
    peak_mib: float


def run(*arguments: str) -> Run:
    """Run llmform and return what it took; CalledProcessError if it fails."""
    command = [sys.executable, "-c", TOOL, *arguments]
    used = os.times()
    before = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    peaks = [0.0]
    watching = threading.Thread(target=_watch, args=(process, peaks))
    watching.start()
    _, said = process.communicate()
    wall = time.perf_counter() - before
    watching.join()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, stderr=said)
    now = os.times()
    cpu = now.children_user - used.children_user + now.children_system - used.children_system
    return Run(wall, cpu, max(peaks))


def _watch(process: subprocess.Popen[bytes], peaks: list[float]) -> None:
    """Note every 50 ms how much memory the process and its children have (PSS: what they share counts once)."""
    while process.poll() is None:
        peaks.append(sum(map(_memory_mib, (process.pid, *_children(process.pid)))))
        time.sleep(0.05)


def _children(pid: int) -> list[int]:
    try:
        return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()))
    except (OSError, ValueError):  # gone, or not Linux
        return []


def _memory_mib(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


def write_fleet(folder: Path, stacks: int, replicas: int = 2) -> Path:
    """Write the example with as many AWS targets as give at least this many stacks; one stack is the workloads of a
    target on-prem, which has no other."""
    text = EXAMPLE.read_text(encoding="utf-8").replace("    replicas: 2\n", f"    replicas: {replicas}\n", 1)
    head = text.partition("targets:  ")[0]
    if stacks < 3:  # there are no nodes of AWS that these could be about
        head = "".join(line for line in head.splitlines(True) if "capacity:" not in line and "team.example" not in line)
    aws = "".join(
        f'  place-{n}:\n    provider: aws\n    region: us-east-1\n    account: "{100_000_000_000 + n}"\n'
        "    network: {cidr: 10.10.0.0/16, nat: per-zone}\n    api: {allow: [198.51.100.0/24]}\n"
        for n in range(stacks // 3)
    )
    rest = "".join(
        f"  site-{n}: {{provider: on-prem, kubeContext: site-{n}, storage: {{shared: cephfs}}, addons: existing,\n"
        "    overlay: {stores.documents: null, nodePools.l40s: {min: 0}}}\n"
        for n in range(stacks % 3)
    )
    shutil.copytree(EXAMPLE.parent / "k8s", folder / "k8s", dirs_exist_ok=True)
    path = folder / "fleet.yaml"
    path.write_text(f"{head}targets:\n{aws}{rest}", encoding="utf-8")
    return path


def table(rows: Sequence[tuple[int, Run]]) -> None:
    """Print the runs, with what each stack beyond the first row's takes."""
    first_stacks, first = rows[0]
    for stacks, found in rows:
        each = ""
        if stacks > first_stacks:
            more = stacks - first_stacks
            each = (
                f"{(found.wall - first.wall) / more * 1000:6.1f} ms wall, {(found.cpu - first.cpu) / more * 1000:6.1f} "
                f"ms cpu, {(found.peak_mib - first.peak_mib) / more * 1024:6.0f} KiB a further stack"
            )
        size = f"{found.wall:7.2f} s wall  {found.cpu:7.2f} s cpu  {found.peak_mib:6.0f} MiB"
        print(f"  {stacks:>5} stacks  {found.wall / first.wall:6.1f} times  {size}  {each}")


def fleets(sizes: Sequence[int], rounds: int, jobs: int, changed: bool) -> list[tuple[int, Run]]:
    """Return the median run of each size; with `changed` against a commit in which one line is another."""
    rows = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            path = write_fleet(Path(name), size)
            against = []
            if changed:
                _commit(path)
                write_fleet(Path(name), size, replicas=3)
                against = ["--against", "git:HEAD"]
            runs = [run("plan", str(path), "--jobs", str(jobs), *against) for _ in range(rounds)]
        wall, cpu = statistics.median(r.wall for r in runs), statistics.median(r.cpu for r in runs)
        rows.append((size, Run(wall, cpu, max(r.peak_mib for r in runs))))
    return rows


def _commit(path: Path) -> None:
    who = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@example.com")
    for words in (("init", "--quiet"), ("add", "--all"), (*who, "commit", "--quiet", "--message", "before")):
        subprocess.run(["git", *words], cwd=path.parent, check=True, capture_output=True)


def growth(sizes: Sequence[int], rounds: int) -> None:
    """Print what fleets take, and whether that grows with their size."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for words, changed in (("as new", False), ("against a commit with one other line", True)):
        for jobs in sorted({1, processors}):
            print(f"growth: {words}, {jobs} {'process' if jobs == 1 else 'processes'}, {rounds} rounds, median")
            rows = fleets(sizes, rounds, jobs, changed)
            table(rows)
            if len(rows) > 2:
                (_, first), (less, some), (more, many) = rows[0], *rows[-2:]
                ratio = ((many.cpu - first.cpu) / more) / ((some.cpu - first.cpu) / less)
                print(f"  a stack of {more} costs {ratio:.2f} times one of {less}: 1 is linear growth")
            largest, found = rows[-1]
            if largest >= 1000:
                print(
                    f"  {largest} stacks: {found.wall / ENOUGH_SECONDS:.2f} of the {ENOUGH_SECONDS} s and "
                    f"{found.peak_mib / ENOUGH_MIB:.2f} of the {ENOUGH_MIB} MiB that the design allows two processors"
                )


def terraform(rounds: int) -> None:
    """Print how long `terraform plan` takes for the AWS resources of one foundation, against llmform's whole plan."""
    if shutil.which("terraform") is None:
        print("terraform: left out, it is not on PATH")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = write_fleet(folder, 3)
        compilation = compile_spec(path.read_bytes(), str(path), DiskFiles(folder)).compilation
        assert compilation is not None
        nodes = [n for s in compilation.stacks if s.layer == "foundation" for n in s.graph.nodes]
        config = folder / "terraform"
        config.mkdir()
        text, written = configuration(nodes)
        (config / "main.tf.json").write_text(text, encoding="utf-8")
        command = ["terraform", f"-chdir={config}"]
        begun = subprocess.run([*command, "init", "-input=false"], capture_output=True, check=False)
        if begun.returncode:
            print("terraform: left out, `terraform init` finds no mirror of the AWS provider")
            return
        ours, theirs = [], []
        for _ in range(rounds):
            ours.append(run("plan", str(path)).wall)
            before = time.perf_counter()
            made = subprocess.run([*command, "plan", "-refresh=false"], capture_output=True, check=False)
            theirs.append(time.perf_counter() - before)
            if made.returncode:
                said = made.stderr.decode("utf-8", "replace").strip().splitlines()
                print(f"terraform: left out, `terraform plan` fails: {said[0] if said else ''}")
                return
        ratio = statistics.median(t / o for t, o in zip(theirs, ours, strict=True))
        print(f"terraform: plan of {written} of the AWS resources / llmform's plan of all: {ratio:.1f} times")


_TYPES = {"aws:ec2/vpc:Vpc": "aws_vpc", "aws:ec2/subnet:Subnet": "aws_subnet", "aws:sqs/queue:Queue": "aws_sqs_queue"}
"""Types whose inputs are the arguments of Terraform's resource but for the case of the letters."""


def configuration(nodes: Sequence[Node]) -> tuple[str, int]:
    """Return the nodes of `_TYPES` as a Terraform configuration in JSON, and how many they are."""
    here = {n.id: (_TYPES[n.type], f"r{position}") for position, n in enumerate(nodes) if n.type in _TYPES}
    resources: dict[str, dict[str, object]] = {}
    for node in nodes:
        if node.id in here:
            kind, name = here[node.id]
            resources.setdefault(kind, {})[name] = _arguments(node.inputs, here)
    provider = {
        "aws": {
            "region": "us-east-1",
            "access_key": "none",
            "secret_key": "none",
            "skip_credentials_validation": True,
            "skip_requesting_account_id": True,
            "skip_metadata_api_check": True,
        }
    }
    required = {"required_providers": {"aws": {"source": "hashicorp/aws"}}}
    return json.dumps({"terraform": required, "provider": provider, "resource": resources}), len(here)


def _arguments(value: object, here: dict[str, tuple[str, str]], key: str = "") -> object:
    if isinstance(value, dict):
        return {k if key == "tags" else _snake(k): _arguments(v, here, k) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_arguments(v, here) for v in value]
    if isinstance(value, Ref):
        return f"${{{'.'.join(here[value.node])}.{_snake(value.attribute)}}}" if value.node in here else "known-later"
    return value if isinstance(value, str | int | float | bool) else None


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="What `llmform plan` costs for a fleet, as ratios.")
    parser.add_argument("--smoke", action="store_true", help="one small run of each")
    smoke = parser.parse_args().smoke
    growth((1, 24) if smoke else (1, 10, 100, 1000), 1 if smoke else 3)
    terraform(1 if smoke else 5)


if __name__ == "__main__":
    main()
