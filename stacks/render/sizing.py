"""A size's calculation as text or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stacks.render.style import wrap

_GIB = 1024**3


def human_sizing(path: str, found: Sequence[Mapping[str, Any]]) -> str:
    """Return the calculation as text: the layout, every term of the tightest GPU, what is left, and the traffic."""
    lines: list[str] = []
    sources: dict[str, int] = {}
    for one in found:
        lines += [f"{path}, {one['environment']} at {one['target']}"]
        told = _computed(one, sources) if one["computed"] else wrap(f"not computed: {one['reason']}", "  ", "  ")
        lines += [*told, ""]
    for source, number in sources.items():
        lines += wrap(f"[{number}] {source}", "  ", "      ")
    return "\n".join(lines).rstrip("\n") + "\n"


def _cited(source: str, sources: dict[str, int]) -> str:
    """Return the mark of a source, which is listed at the end."""
    return f"[{sources.setdefault(source, len(sources) + 1)}]"


def sizing_as_json(path: str, found: Sequence[Mapping[str, Any]]) -> str:
    """Return the calculation as JSON in ASCII; sizes in bytes, times in seconds."""
    from stacks.sizing import FORMAT

    return json.dumps({"format": FORMAT, "path": path, "sizing": list(found)}, indent=2) + "\n"


def _computed(one: Mapping[str, Any], sources: dict[str, int]) -> Iterator[str]:
    x, gpu, stage = one["layout"], one["gpu"], one["stage"]
    splits = [f"{k} {x[k]}" for k in ("tensor", "pipeline", "data") if x[k] > 1 or k == "tensor"]
    split = ", ".join(splits) + (", expert parallel" if x["expert"] else "")
    how = "chosen by `parallelism: auto`" if x["chosen"] else "as the spec says"
    nodes = f" on {x['nodes']} nodes" if x["nodes"] > 1 else ""
    yield from wrap(
        f"layout: {split}, {x['gpus']} GPU{'s' if x['gpus'] > 1 else ''} a replica{nodes}, {how}", "  ", "    "
    )
    for r in one["rejected"]:
        yield from wrap(f"not {r['layout']}: {r['reason']}", "    ", "      ")
    if one["next"]:
        yield from wrap(f"the next one up: {one['next']}", "    ", "      ")
    need = one["need"]
    yield from wrap(
        f"need: {need['requests']:,} at once x {need['context']:,} tokens; weights {one['quantization']}", "  ", "    "
    )
    many = f", of stage {stage['number']} of {stage['of']}, which has least left" if stage["of"] > 1 else ""
    yield ""
    yield f"  a GPU ({gpu['name']}{', ' + gpu['note'] if gpu['note'] else ''}){many}"
    for line in stage["lines"]:
        yield from _line(line, sources)
    yield f"    {_size(stage['sum'])}  sum"
    yield from _line(one["budget"], sources)
    yield from _line(one["outside"], sources)
    left = one["budget"]["bytes"] - stage["sum"]
    yield f"    {_size(left)}  left"
    held = one["holds"]
    if held["requests"]:
        block = f"{stage['blocks']:,} blocks, one of them never used"
        many = f"{held['requests']:,} request{'s' if held['requests'] > 1 else ''}"
        yield from wrap(
            f"the KV cache holds {held['tokens']:,} tokens ({block}), {many} of "
            f"{need['context']:,} tokens at once", "  ", "    ",
        )  # fmt: skip
    if one["traffic"]:
        yield ""
        yield from _traffic(one["traffic"], sources)


def _line(line: Mapping[str, Any], sources: dict[str, int]) -> Iterator[str]:
    inputs = ", ".join(f"{k} {v:,}" if isinstance(v, int) else f"{k} {v}" for k, v in line["inputs"].items())
    marked = "" if line["basis"] == "exact" else f" [{line['basis']}]"
    yield f"    {_size(line['bytes'])}  {line['name']}{marked} {_cited(line['source'], sources)}"
    indent = " " * 18
    yield from wrap(f"= {line['formula']}", indent, indent + "  ")
    if inputs:
        yield from wrap(inputs, indent + "  ", indent + "  ")


def _size(number: int) -> str:
    return f"{number / _GIB:8.2f} GiB"


def _times(e: Mapping[str, float]) -> str:
    return f"{e['value'] * 1e3:,.0f} ms ({e['low'] * 1e3:,.0f} to {e['high'] * 1e3:,.0f})"


def _traffic(t: Mapping[str, Any], sources: dict[str, int]) -> Iterator[str]:
    yield "  traffic [estimate]"
    rows = [
        f"{t['requests_per_second']:g} requests a second of {t['input_tokens']:,} + {t['output_tokens']:,} tokens over "
        f"{t['replicas']} replica{'s' if t['replicas'] > 1 else ''}",
    ]
    if t["fewer"]:
        rows.append(f"one fewer is not enough: {t['fewer']}")
    rows.append(f"reading a prompt, alone: {_times(t['prompt'])}")
    rows.append(f"a step of one request: {_times(t['step_alone'])}")
    if t["requests_at_once"] is not None:
        rows.append(
            f"at once a replica: {t['requests_at_once']:.1f} = arrivals x (prompt + output tokens x step) (Little's "
            f"law, the step being longer the more there are); its cache holds {t['capacity']:,} of them"
        )
        rows.append(f"prompts take {t['prompt_share']:.0%} of the time, so steps are stretched by 1 / (1 - share)")
        rows.append(f"first token: {_times(t['first_token']['p50'])}, p95 {_times(t['first_token']['p95'])}")
        rows.append(f"between tokens: {_times(t['between_tokens']['p50'])}, p95 {_times(t['between_tokens']['p95'])}")
    for o in t["objectives"]:
        rows.append(f"{o['key']}: {o['limit'] * 1e3:,.0f} ms promised for 95 of 100: {o['verdict']}")
    for row in rows:
        yield from wrap(row, "    ", "      ")
    yield "    assumed (value, range)"
    for name, share in t["assumed"].items():
        mark = _cited(share["source"], sources)
        yield f"      {name} {share['value']:g} ({share['low']:g} to {share['high']:g}) {mark}"
