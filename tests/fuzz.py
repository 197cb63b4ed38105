"""The fuzzer of loading, compiling and showing: whatever the bytes are, there is an answer soon, never a traceback.

    python -m tests.fuzz --count 100000 --jobs 2            any number of mutated specs
    python -m tests.fuzz --seed 7 --only 4711 --show        one of them again, with its text

Input number `i` of a seed is the same on every machine. Exit status: 0 all is well, 1 something was found.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

from components.graph import kubernetes_object
from specs.diagnostics import Diagnostic, Span, has_errors
from specs.source import read
from specs.tree import plain
from stacks.compilation import Compilation, decode, encode
from stacks.compile import Compiled, compile_spec
from stacks.plan import Against, plan
from stacks.render import diagnostics as render
from stacks.render.human_plan import human_plan
from stacks.render.json_plan import json_plan
from stacks.render.tree import tree as tree_text
from tests.memory_files import MemoryFiles
from tests.mutations import Corpus, Input, make
from tests.reviews import comment

EXAMPLES = Path(__file__).parent.parent / "specs" / "examples"
FILE = "fuzz/spec.yaml"

SECONDS = 1.0
"""What one spec may take, all of its output included, in seconds of this process (on a machine with other work, time
on the
clock says nothing about the tool). The command reports more as a finding."""

HANG_SECONDS = 20.0
"""After this an input counts as a hang."""

CONFIG = """\
{"model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
 "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256, "torch_dtype": "bfloat16"}
"""
"""What a model of `EXTRA` is made of: the shapes of Llama 3.1 8B."""

EXTRA = """\
apiVersion: llmform/v1
name: wide
models:
  own: {source: hf://acme/own, revision: 3f9c5d1e7a20b4c68f1d2e3a4b5c6d7e8f901a2b, size: 15Gi, contextLength: 8k}
  shaped:
    {source: hf://acme/shaped@3f9c5d1e7a20b4c68f1d2e3a4b5c6d7e8f901a2b, architecture: {config: config.json},
     contextLength: 8k, quantization: fp8}
  chat: &chat hf://Qwen/Qwen2.5-7B-Instruct@a09a35458c702b33eeacc393d103063234e8bc28
  small: {source: hf://Qwen/Qwen2.5-1.5B-Instruct@989aa7980e4cf806f80c7fef2b1adb7bc71aa306, contextLength: 2k}
nodePools:
  big: {instance: p5.48xlarge, max: 2, taints: [{key: team.example/reserved, value: ml, effect: NoExecute}]}
  l40s: &pool {accelerator: nvidia-l40s, perNode: 4, max: 2, capacity: [spot]}
  renamed: {<<: *pool, max: 3}
  parts: {accelerator: nvidia-l40s, max: 1, sharing: {mode: mps, replicas: 2}}
serving:
  big:
    {model: own, pool: big, replicas: 2, parallelism: {tensor: 8}, args: {max-num-seqs: 64, lora-modules: [a=/x]}}
  chat: {model: chat, pool: renamed, engine: vllm, env: {A: b}}
  sized:
    {model: shaped, pool: renamed, replicas: 2, allowSinglePoint: true,
     traffic: {requestsPerSecond: 1, inputTokens: 1500, outputTokens: 300},
     objectives: {availability: 99.9%, timeToFirstToken: {p95: 3s}, interTokenLatency: {p95: 120ms}}}
  small: {model: small, pool: parts, concurrency: 4}
stores: {logs: {kind: object, versioned: false, encrypted: false, retention: 30d}}
moved: {nodePools.old: nodePools.renamed}
targets:
  eu-west-1: {provider: aws, region: eu-west-1, zones: [eu-west-1a, eu-west-1b],
              addons: {default: existing, karpenter: managed}}
environments:
  staging: {overlay: {stores.logs: null, nodePools.big: {max: 4}, labels: {team: a}}}
"""
"""A spec with what the examples do not have."""

OBJECTS = """\
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: llm-critical}
value: 100000
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {a: b}}
data: {a: "1", $x: y}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: chat, namespace: other}
spec:
  replicas: 1
  selector: {matchLabels: {app: a}}
  template: {metadata: {labels: {app: a}}, spec: {containers: [{name: a, image: b, ports: [{containerPort: 80}]}]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: "system:reader"}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
apiVersion: example.com/v1
kind: Thing
metadata: {name: thing}
spec: {$ref: [a, b]}
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one input: its seconds of this process and on the clock, the codes, and what is wrong (a
    traceback), if anything."""

    number: int
    seconds: float
    clock: float
    codes: tuple[str, ...]
    compiled: bool
    problem: str = ""


@dataclass(slots=True)
class Summary:
    """The outcomes of a run, counted."""

    count: int = 0
    compiled: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    slowest: list[tuple[float, float, int]] = field(default_factory=list)
    problems: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        self.count += 1
        self.compiled += outcome.compiled
        self.codes.update(outcome.codes)
        self.slowest = sorted([*self.slowest, (outcome.seconds, outcome.clock, outcome.number)], reverse=True)[:5]
        if outcome.problem:
            self.problems.append(outcome)


class Hang(BaseException):
    """An input took longer than `HANG_SECONDS`. No Exception, so that nothing in between catches it."""


@cache
def corpus() -> Corpus:
    """Return what the mutations start from: the examples, `EXTRA`, and the ids of all their nodes."""
    texts = (*(p.read_text(encoding="utf-8") for p in sorted(EXAMPLES.glob("*.yaml"))), EXTRA)
    trees = []
    for text in texts:
        tree, found = read(text.encode(), FILE)
        assert tree is not None, found
        trees.append(plain(tree))
    # an id in several layers or environments is one id; sorted, so that a seed means the same everywhere
    ids = sorted({n.id for c in bases() for s in c.stacks for n in s.graph.nodes if _worth_patching(n.id)})
    return Corpus(texts, tuple(trees), tuple(yaml.safe_load_all(OBJECTS)), tuple(ids), beside())


def beside() -> dict[str, bytes]:
    """Return the files that the specs which the mutations start from name."""
    return {name: (EXAMPLES / name).read_bytes() for name in ("k8s/priority-class.yaml", "shops.csv")} | {
        "config.json": CONFIG.encode()
    }


def _worth_patching(node_id: str) -> bool:
    return not node_id.partition("/")[2].startswith(("Subnet/", "RouteTable"))  # many of a kind


@cache
def bases() -> tuple[Compilation, ...]:
    """Return the compilations of the specs that the mutations start from: the other side of plans."""
    folder = MemoryFiles(beside())
    found = []
    for text in (*(p.read_text(encoding="utf-8") for p in sorted(EXAMPLES.glob("*.yaml"))), EXTRA):
        compiled = compile_spec(text.encode(), FILE, folder)
        assert compiled.compilation is not None, compiled.diagnostics
        found.append(compiled.compilation)
    return tuple(found)


def input_of(seed: int, number: int) -> Input:
    """Return one input of a seed."""
    return make(Random(f"{seed}:{number}"), corpus())


def try_one(seed: int, number: int) -> Outcome:
    """Return what becomes of one input of a seed; nothing is raised."""
    given = input_of(seed, number)
    started, used = time.perf_counter(), time.process_time()
    previous = signal.signal(signal.SIGALRM, _hangs)
    signal.setitimer(signal.ITIMER_REAL, HANG_SECONDS)
    compiled: Compiled | None = None
    problem = ""
    try:
        compiled = compile_spec(given.data, FILE, MemoryFiles(given.files))
        # half of the plans show all as new, half compare with another spec: both together would take twice as long
        other = bases()[number // 2 % len(bases())] if number % 2 else None
        problem = "\n".join(wrong(given, compiled, other))
    except (Exception, Hang):
        problem = traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    seconds, clock = time.process_time() - used, time.perf_counter() - started
    codes = tuple(sorted({d.code for d in compiled.diagnostics})) if compiled else ()
    return Outcome(number, seconds, clock, codes, bool(compiled and compiled.compilation), problem)


def _hangs(signal_number: int, frame: Any) -> None:
    raise Hang(f"more than {HANG_SECONDS} s")


def wrong(given: Input, compiled: Compiled, other: Compilation | None) -> Iterator[str]:
    """Yield what is wrong with an answer: no answer, a span outside its file, an output that cannot be shown or read
    again."""
    found, made = compiled.diagnostics, compiled.compilation
    if (made is None) != has_errors(found):
        yield f"{'no ' if made is None else 'a '}compilation, and {'no ' if not has_errors(found) else ''}errors"
    texts = {FILE: given.data, **{f"fuzz/{name}": data for name, data in given.files.items()}}
    lines = {name: _lines(data) for name, data in texts.items()}
    for diagnostic in found:
        if not diagnostic.code or not diagnostic.message:
            yield f"an empty finding: {diagnostic}"
        for span in (diagnostic.span, *(label.span for label in diagnostic.related)):
            if problem := misplaced(span, lines):
                yield f"{diagnostic.code}: {problem}"
    sources = {name: data.decode("utf-8", "replace") for name, data in texts.items()}
    _show(found, sources)
    if made is None:
        return
    against = Against()
    if other is not None:
        against = Against("file", "x", other.compiler, other.edition)
    elif decode(encode(made)) != made:
        yield "the recorded compilation reads as another one"
    for graph in (s.graph for s in made.stacks):
        tree_text(graph)
        for node in graph.nodes:
            if kubernetes_object(node) and not isinstance(node.inputs.get("metadata"), dict):
                yield f"{node.id} is no object"
    changes = plan(other, made, against)
    human_plan(changes, found, sources, details=True).encode("utf-8", "backslashreplace")
    json.loads(json_plan(changes, found))
    comment(changes, found, sources).encode("utf-8", "backslashreplace")


def _show(found: tuple[Diagnostic, ...], sources: dict[str, str]) -> None:
    """Render the findings in every format; JSON has to be JSON."""
    render.human(found, sources).encode("utf-8", "backslashreplace")
    concise = render.concise(found)
    assert len(concise.splitlines()) == len(found), "concise is one line a finding"
    json.loads(render.as_json(found))
    render.github(found).encode("utf-8", "backslashreplace")


def _lines(data: bytes) -> list[str]:
    """Return the lines as editors count them."""
    return data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")


def misplaced(span: Span, lines: dict[str, list[str]]) -> str:
    """Return why a span is not in its file, or nothing; the end of a line is a place in it."""
    if span.file not in lines:
        return f"{span} is in a file that nobody read"
    text = lines[span.file]
    if (span.end_line, span.end_column) < (span.line, span.column):
        return f"{span} ends before it begins"
    for line, column in ((span.line, span.column), (span.end_line, span.end_column)):
        if not 1 <= line <= len(text) or not 1 <= column <= len(text[line - 1]) + 1:
            return f"{line}:{column} is not in {span.file}, which has {len(text)} lines"
    return ""


def run(seed: int, numbers: Iterable[int]) -> Summary:
    """Try inputs of a seed, one after the other."""
    summary = Summary()
    for number in numbers:
        summary.add(try_one(seed, number))
    return summary


def _batch(arguments: tuple[int, int, int]) -> list[Outcome]:
    seed, start, end = arguments
    return [try_one(seed, number) for number in range(start, end)]


def _outcomes(seed: int, start: int, count: int, jobs: int) -> Iterator[Outcome]:
    batches = [(seed, i, min(i + 200, start + count)) for i in range(start, start + count, 200)]
    with ProcessPoolExecutor(jobs) as pool:
        for outcomes in pool.map(_batch, batches):
            yield from outcomes


def _timed(seed: int, outcome: Outcome) -> Outcome:
    """Return the outcome with a finding if it takes too long again and again: once may be the machine's doing."""
    if outcome.problem or outcome.seconds <= SECONDS:
        return outcome
    seconds = min(try_one(seed, outcome.number).seconds for _ in range(3))
    problem = (
        f"took {outcome.seconds:.2f} s, and {seconds:.2f} s in the best of three more tries"
        if seconds > SECONDS
        else ""
    )
    return replace(outcome, seconds=min(seconds, outcome.seconds), problem=problem)


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0, help="number of the first input")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", type=int, help="number of the one input to try")
    parser.add_argument("--show", action="store_true", help="print the text of each input with a finding")
    asked = parser.parse_args(arguments)
    started = time.perf_counter()
    summary = Summary()
    only: Callable[[], Iterator[Outcome]] = lambda: iter((try_one(asked.seed, asked.only),))  # noqa: E731
    outcomes = only() if asked.only is not None else _outcomes(asked.seed, asked.start, asked.count, asked.jobs)
    for outcome in outcomes:
        outcome = _timed(asked.seed, outcome)
        summary.add(outcome)
        if summary.count % 10_000 == 0:
            print(f"{summary.count:,} inputs, {len(summary.problems):,} findings", file=sys.stderr, flush=True)
        if outcome.problem:
            print(f"--- seed {asked.seed}, input {outcome.number}\n{outcome.problem}", flush=True)
        if (outcome.problem and asked.show) or (asked.only is not None and asked.show):
            given = input_of(asked.seed, outcome.number)
            for name, data in ((FILE, given.data), *given.files.items()):
                print(f"--- {name}\n{data.decode('utf-8', 'backslashreplace')}", flush=True)
    _report(summary, time.perf_counter() - started)
    return 1 if summary.problems else 0


def _report(summary: Summary, seconds: float) -> None:
    found = len(summary.problems)
    print(f"{summary.count:,} inputs in {seconds:,.0f} s: {summary.compiled:,} compiled, {found:,} findings")
    print(
        "slowest: "
        + ", ".join(f"{s * 1000:.0f} ms ({c * 1000:.0f} on the clock, input {n})" for s, c, n in summary.slowest)
    )
    print("codes: " + ", ".join(f"{code} {n:,}" for code, n in summary.codes.most_common()))


if __name__ == "__main__":
    sys.exit(main())
