"""What `llmform plan` costs for a fleet, as ratios measured in one run.

    python benchmarks/fleet.py            the figures: some minutes
    python benchmarks/fleet.py --smoke    one small run of each, to see that the benchmark works

`growth`: 1, 10, 100 and 1,000 stacks, as new, with one process and with one for each processor: wall time, processor
time and peak memory of all processes together, and what a further stack takes at 100 and at 1,000: equal figures are
linear growth; then 999 stacks as large as the design's. Each as new, and against a commit of git in which one line is
another. `size`: 30 stacks with more and more servers: what a resource takes should stay the same. `terraform`: the AWS
resources of one foundation against `terraform plan` of the same, if `terraform` is on PATH with a mirror of its AWS
provider (`TF_CLI_CONFIG_FILE` or a `filesystem_mirror`); else a line says that it is left out.

A fleet is specs/examples/environments.yaml with its AWS target in many accounts, three stacks a target, some 130
resources together. The example of a support assistant that the design speaks of has sections that llmform does not
compile yet; servers are added until a stack has as many resources as that is said to have.
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
"""What the design promises for 1,000 stacks, 150,000 resources, on two processors."""

_LIKE_THE_DESIGN = 30
"""More servers than the example's two, so that a stack has the design's 150 resources."""


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


def write_fleet(folder: Path, stacks: int, replicas: int = 2, servers: int = 0) -> Path:
    """Write the example with as many AWS targets as give at least this many stacks; one stack is the workloads of a
    target on-prem, which has no other. `servers` are more of them, each with its model, at targets in AWS alone."""
    text = EXAMPLE.read_text(encoding="utf-8").replace("    replicas: 2\n", f"    replicas: {replicas}\n", 1)
    head = _with_servers(text.partition("targets:  ")[0], servers)
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


def _with_servers(text: str, servers: int) -> str:
    """Return the spec with copies of its chat model and its server, on a pool for every ten, and a store for every
    five."""
    model = text.partition("  chat:\n")[2].partition("  embedder:")[0]
    pool = text.partition("  l40s:\n")[2].partition("\nstores:")[0].replace("max: 4", "max: 32")
    server = text.partition("serving:\n  chat:\n")[2].partition("  embeddings:")[0]
    more = {
        "models": "".join(f"  chat-{n}:\n{model}" for n in range(servers)),
        "nodePools": "".join(f"  more-{n}:\n{pool}" for n in range(-(-servers // 10))),
        "stores": "".join(f"  documents-{n}: {{kind: object, retention: 7y}}\n" for n in range(servers // 5)),
        "serving": "".join(
            f"  chat-{n}:\n{server}".replace("model: chat", f"model: chat-{n}").replace("l40s", f"more-{n // 10}")
            for n in range(servers)
        ),
    }
    for section, entries in more.items():
        text = text.replace(f"\n{section}:\n", f"\n{section}:\n{entries}", 1)
    return text


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


def fleets(sizes: Sequence[int], rounds: int, jobs: int, changed: bool, servers: int = 0) -> list[tuple[int, Run]]:
    """Return the median run of each size; with `changed` against a commit in which one line is another."""
    rows = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            path = write_fleet(Path(name), size, servers=servers)
            against = []
            if changed:
                _commit(path)
                write_fleet(Path(name), size, replicas=3, servers=servers)
                against = ["--against", "git:HEAD"]
            runs = [run("plan", str(path), "--jobs", str(jobs), *against) for _ in range(rounds)]
        wall, cpu = statistics.median(r.wall for r in runs), statistics.median(r.cpu for r in runs)
        rows.append((size, Run(wall, cpu, max(r.peak_mib for r in runs))))
    return rows


def _commit(path: Path) -> None:
    who = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@example.com")
    for words in (("init", "--quiet"), ("add", "--all"), (*who, "commit", "--quiet", "--message", "before")):
        subprocess.run(["git", *words], cwd=path.parent, check=True, capture_output=True)


def growth(sizes: Sequence[int], rounds: int, servers: int = 0) -> None:
    """Print what fleets take, and whether that grows with their size."""
    each = _resources(servers)
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for words, changed in (("as new", False), ("against a commit with one other line", True)):
        for jobs in sorted({1, processors}):
            workers = "1 process" if jobs == 1 else f"{jobs} processes"
            print(f"growth: {words}, {each:.0f} resources a stack, {workers}, {rounds} rounds, median")
            rows = fleets(sizes, rounds, jobs, changed, servers)
            table(rows)
            if len(rows) > 2:
                (_, first), (less, some), (more, many) = rows[0], *rows[-2:]
                ratio = ((many.cpu - first.cpu) / more) / ((some.cpu - first.cpu) / less)
                print(f"  a stack of {more} costs {ratio:.2f} times one of {less}: 1 is linear growth")
            largest, found = rows[-1]
            if largest >= 999:
                print(
                    f"  {largest} stacks: {found.wall / ENOUGH_SECONDS:.2f} of the {ENOUGH_SECONDS} s and "
                    f"{found.peak_mib / ENOUGH_MIB:.2f} of the {ENOUGH_MIB} MiB that the design allows two processors"
                )


def _resources(servers: int) -> float:
    """Return how many resources a stack of the fleet has, of the three of a target in AWS."""
    with tempfile.TemporaryDirectory() as name:
        path = write_fleet(Path(name), 3, servers=servers)
        compilation = compile_spec(path.read_bytes(), str(path), DiskFiles(path.parent)).compilation
    assert compilation is not None
    return sum(len(s.graph.nodes) for s in compilation.stacks) / len(compilation.stacks)


def stack_size(servers: Sequence[int], rounds: int) -> None:
    """Print what 30 stacks take with more and more servers in each: what a resource takes should stay the same."""
    print(f"size: 30 stacks, 1 process, {rounds} rounds, median")
    start = min(run("plan", str(ROOT / "specs" / "examples" / "quickstart.yaml")).cpu for _ in range(rounds))
    first = 0.0
    for more in servers:
        each = _resources(more)
        ((_, found),) = fleets((30,), rounds, 1, False, more)
        one = (found.cpu - start) / each / 30
        first = first or one
        took = f"{found.wall:6.2f} s wall  {found.peak_mib:6.0f} MiB"
        print(f"  {each:5.0f} resources a stack  {took}  a resource costs {one / first:.2f} times one of the smallest")


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
    if not smoke:
        growth((3, 999), 1, _LIKE_THE_DESIGN)
    stack_size((0, 4) if smoke else (0, 8, 32, 128), 1 if smoke else 3)
    terraform(1 if smoke else 5)


if __name__ == "__main__":
    main()
