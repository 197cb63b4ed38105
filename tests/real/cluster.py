"""The cluster that these tests may use."""

from __future__ import annotations

import os
from pathlib import Path

import yaml


def context() -> str:
    """Return the current context of KUBECONFIG; empty if there is none."""
    path = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    if not path or not Path(path).is_file():
        return ""
    return str((yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}).get("current-context") or "")
