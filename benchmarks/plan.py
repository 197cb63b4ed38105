"""What `llmform plan` costs, as ratios measured in one run.

    python benchmarks/plan.py            the figures: about a minute
    python benchmarks/plan.py --smoke    one run of each, to see that the benchmark works

`start`: the whole process against an interpreter that only imports what every plan needs (pydantic and yaml), in
turn, pair by pair, so that a machine that slows down slows both. `launcher`: what `./llmform` adds to the tool it
starts. `growth`: specs with 3, 12 and 102 stacks, time beyond the first and peak memory. `sites`: store-edge with
1,000 sites, whole process. Nothing here fails on a time: machines differ, and the reader judges.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
QUICKSTART = ROOT / "specs" / "examples" / "quickstart.yaml"
EDGE = ROOT / "specs" / "examples" / "store-edge.yaml"
BASE = "from pydantic import BaseModel; import yaml"
TOOL = "import gc, sys; gc.disable(); sys.argv[0] = 'llmform'; from stacks.cli import main; sys.exit(main())"
"""What `./llmform` runs."""


@dataclass(frozen=True)
class Run:
    """One finished process: wall and processor time in seconds, peak memory in MiB."""

    wall: float
    cpu: float
    peak_mib: float


def run(*arguments: str) -> Run:
    """Run a command of this interpreter and return what it took; CalledProcessError if it fails."""
    command = [sys.executable, "-c", *arguments]
    before = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - before
    process.stderr.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, stderr=said)
    scale = 1024 if sys.platform != "darwin" else 1024**2  # ru_maxrss is in KiB on Linux, in bytes on macOS
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / scale)


def fleet(folder: Path, targets: int) -> Path:
    """Write the quickstart with this many AWS targets; each has three stacks."""
    head, _, tail = QUICKSTART.read_text(encoding="utf-8").partition("targets:\n")
    one = tail.partition("  us-east-1:\n")[2]
    body = "".join(f'  place-{n}:\n    account: "{n:012}"\n{one}' for n in range(targets))
    path = folder / f"fleet-{targets}.yaml"
    path.write_text(f"{head}targets:\n{body}", encoding="utf-8")
    return path


def spread(values: list[float], digits: int = 2) -> str:
    """Return median, minimum and maximum of the values."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def start(pairs: int) -> None:
    """Print the whole process against the bare imports."""
    plan, base = [], []
    run(TOOL, "plan", str(QUICKSTART)), run(BASE)  # bytecode and disk caches
    for _ in range(pairs):
        plan.append(run(TOOL, "plan", str(QUICKSTART)))
        base.append(run(BASE))
    print(f"start: plan of the quickstart / imports alone, {pairs} pairs, median (min to max)")
    print(f"  wall  {spread([p.wall / b.wall for p, b in zip(plan, base, strict=True)])} times")
    print(f"  cpu   {spread([p.cpu / b.cpu for p, b in zip(plan, base, strict=True)])} times")
    print(f"  wall  {spread([p.wall * 1000 for p in plan], 0)} ms on this machine")


def launcher(pairs: int) -> None:
    """Print what `./llmform` adds to the tool: the process against this interpreter running the same entry point."""
    added = []
    for _ in range(pairs):
        tool = run(TOOL, "--version")
        before = time.perf_counter()
        subprocess.run([str(ROOT / "llmform"), "--version"], stdout=subprocess.DEVNULL, check=True)
        added.append((time.perf_counter() - before - tool.wall) * 1000)
    print(f"launcher: ./llmform --version beyond the tool itself, {pairs} pairs, median (min to max)")
    print(f"  wall  {spread(added, 1)} ms on this machine")


def growth(rounds: int, sizes: tuple[int, ...]) -> None:
    """Print time and memory of plans of more and more stacks, relative to the smallest."""
    print(f"growth: {rounds} rounds, median processor time and peak memory")
    with tempfile.TemporaryDirectory() as folder:
        results: list[tuple[int, float, float]] = []
        for targets in sizes:
            path = fleet(Path(folder), targets)
            runs = [run(TOOL, "plan", str(path), "--format", "json") for _ in range(rounds)]
            cpu = statistics.median(r.cpu for r in runs)
            results.append((targets * 3, cpu, max(r.peak_mib for r in runs)))
    first_stacks, first, _ = results[0]
    for stacks, cpu, peak in results:
        more = (cpu - first) / (stacks - first_stacks) * 1000 if stacks > first_stacks else 0.0
        each = f"{more:6.1f} ms a further stack" if more else "      –"
        print(f"  {stacks:>4} stacks  {cpu / first:6.2f} times  {each:<28} {peak:6.0f} MiB")


def sites(rounds: int, count: int) -> None:
    """Print time and memory of the plan of the edge example with this many sites."""
    rows = "".join(f"shop-{n},context-{n},zone-{n % 16}\n" for n in range(count))
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / EDGE.name
        spec.write_text(EDGE.read_text(encoding="utf-8"), encoding="utf-8")
        (Path(folder) / "shops.csv").write_text(f"name,kubeContext,zone\n{rows}", encoding="utf-8")
        runs = [run(TOOL, "plan", str(spec)) for _ in range(rounds)]
    print(f"sites: plan of {count:,} sites, {rounds} rounds, median (min to max)")
    print(f"  wall  {spread([r.wall for r in runs])} s on this machine, peak {max(r.peak_mib for r in runs):.0f} MiB")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="What `llmform plan` costs, as ratios.")
    parser.add_argument("--smoke", action="store_true", help="one run of each")
    smoke = parser.parse_args().smoke
    start(1 if smoke else 15)
    launcher(1 if smoke else 15)
    growth(1 if smoke else 3, (1, 3) if smoke else (1, 4, 34))
    sites(1 if smoke else 5, 1000)


if __name__ == "__main__":
    main()
