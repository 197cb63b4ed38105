"""A bundle as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from specs.units import format_bytes
from stacks.bundle import Bundle
from stacks.render.style import safe, wrap

FORMAT = 1
"""Version of the JSON layout."""

UNKNOWN = "unknown"


def bundle_json(found: Bundle) -> str:
    """Return the bundle as JSON; what is not known is `null`."""
    images = [{**asdict(i), "digest": i.digest or None, "size": None} for i in found.images]
    charts = [{**asdict(c), "digest": None, "size": None} for c in found.charts]
    weights = [{**asdict(w), "size": w.size or None, "sha256": w.sha256 or None} for w in found.weights]
    rows = {
        "format": FORMAT,
        "stacks": found.stacks,
        "images": images,
        "charts": charts,
        "weights": weights,
        "weightBytes": found.weight_bytes,
        "unknown": list(found.unknown),
    }
    return json.dumps(rows, indent=2) + "\n"


def bundle_text(found: Bundle) -> str:
    """Return the bundle as text for people."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Bundle) -> Iterator[str]:
    yield f"Images ({len(found.images)})"
    for image in found.images:
        yield from wrap(safe(image.reference), "  ", "    ")
        digest = image.digest or UNKNOWN
        built = f", for {' and '.join(image.platforms)}" if image.platforms else ""
        yield f"      digest {safe(digest)}, size {UNKNOWN}{built}"
    yield f"Charts ({len(found.charts)})"
    for chart in found.charts:
        source = f" from {chart.repository}" if chart.repository else ""
        yield from wrap(safe(f"{chart.name} {chart.version}{source}"), "  ", "    ")
        yield f"      digest {UNKNOWN}, size {UNKNOWN}"
    yield f"Weights ({len(found.weights)}, {format_bytes(found.weight_bytes)} known)"
    for weight in found.weights:
        size = format_bytes(weight.size) if weight.size else UNKNOWN
        what = weight.file or "all files"
        yield from wrap(safe(f"{weight.model}: {weight.source}@{weight.revision}, {what}"), "  ", "    ")
        yield f"      sha256 {safe(weight.sha256 or UNKNOWN)}, size {size}"
        yield from wrap(safe(f"read from {weight.place}"), "      ", "        ")
    if found.unknown:
        yield "Not known here"
        for sentence in found.unknown:
            yield from wrap(safe(sentence), "  ", "    ")
