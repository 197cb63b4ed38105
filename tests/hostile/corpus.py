"""Specs of somebody who means harm: what is written wherever a spec takes free text, and what such a spec may name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TEXTS = {
    "script": "<script>window.__pwned=1</script>",
    "attribute": '" onmouseover="window.__pwned=1" x=\'',
    "image": "<img src=x onerror=window.__pwned=1><svg onload=window.__pwned=1>",
    "closes": "</code></td></table></details></summary></script></style><!--",
    "template": "{{ 7*7 }}{% raw %}${7*7}<%= 7*7 %>#{7*7}",
    "markdown": "[x](javascript:alert(1)) ![y](http://evil.example/z.png) <http://evil.example> **b** | c |\n---|",
    "mentions": "@octocat @acme/admins #1 GH-2 acme/platform#3 http://evil.example www.evil.example a@evil.example",
    "fence": "```\n</details>\n````\n~~~\n# heading\n<b>",
    "ticks": "`a`` <i>b</i> `\\` ``<u>c</u>`` |`",
    "ansi": "\x1b[31mred\x1b[0m\x1b]8;;http://evil.example\x07link\x1b]8;;\x07\x9b2J\x07",
    "bidi": "\u202etxet desrever\u202c \u2066isolated\u2069 \u061c\u200f",
    "zero-width": "ad\u200bmin \ufeff \u2060 \u00ad \u180e",
    "lines": "a\rb\u2028c\u2029d\u0085e\x0bf\x0cg",
    "workflow": "::error file=x::y%0A::set-output name=a::b",
    "entities": "&lt;b&gt;&#60;i&#62;&amp;lt;",
    "surrogate": "\ud83d alone",
    "long": "x" * 150_000,
    "long words": "<b> " * 40_000,
    "a megabyte": "<i>" * 350_000,
}
"""What is written, by name."""

FILES = {
    "above": "../outside.yaml",
    "absolute": "/etc/passwd",
    "hidden above": "k8s/../../outside.yaml",
    "link": "link.yaml",
    "link in a folder": "linked/outside.yaml",
    "device": "/dev/zero",
    "process": "/proc/self/environ",
    "nul": "k8s/a\x00.yaml",
    "backslash": "..\\outside.yaml",
    "address": "file:///etc/passwd",
    "network": "http://evil.example/a.yaml",
    "markup": "<script>window.__pwned=1</script>.yaml",
}
"""Names of files that a spec may try, by what is wrong with them."""

SECRET = "what-no-output-may-hold"
"""Stands in every file outside of the spec's folder."""


def spec(text: str, *, model: str = "chat") -> dict[str, Any]:
    """Return a spec that has the text wherever it takes one."""
    return {
        "apiVersion": "llmform/v1",
        "name": "hello",
        "models": {model: "hf://Qwen/Qwen2.5-7B-Instruct@a09a35458c702b33eeacc393d103063234e8bc28"},
        "nodePools": {"l40s": {"accelerator": "nvidia-l40s", "max": 3}},
        "serving": {
            "chat": {
                "model": model,
                "pool": "l40s",
                "env": {"BANNER": text, "PATH_TO": "/x"},
                "args": {"generation-config": text},
            }
        },
        "targets": {"dresden": {"provider": "on-prem", "kubeContext": text[:200], "addons": "existing",
                                "storage": {"shared": "cephfs"}}},
        "policies": {"owner-named": {"level": "disabled", "until": "2027-03-31", "reason": text[:400]}},
        "patches": [
            {"match": "serving.chat/Deployment/chat",
             "merge": {"metadata": {"annotations": {"note": text, text[:100]: "v"}}}},
        ],
        "manifests": {"extras": {"dir": "k8s"}},
    }  # fmt: skip


def config_map(text: str) -> dict[str, Any]:
    """Return an object of one's own with the text in it."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "own", "annotations": {"note": text}},
        "data": {"text": text, "key": text},
    }


def write(folder: Path, text: str, *, name: str = "spec.yaml") -> Path:
    """Write the spec and the object beside it; JSON is YAML, and can escape what YAML may not hold as it is."""
    (folder / "k8s").mkdir(parents=True, exist_ok=True)
    (folder / "k8s" / "own.yaml").write_text(json.dumps(config_map(text)))
    (folder / name).write_text(json.dumps(spec(text)))
    return folder / name
