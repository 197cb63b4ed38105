"""What a run leaves behind, in the form of `pulumi stack export`.

Version 3 of a deployment (pulumi/pulumi, sdk/go/common/apitype/core.go `ResourceV3`, read 2026-11-21): resources in the
order in which they depend on each other, secrets as ciphertext unless they are asked for, timeouts in seconds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from tests.monitor.engine import STACK_TYPE, Recorded, Registration
from tests.monitor.values import SECRET, SIGNATURE, Secret, Unknown

TIME = "2026-11-21T12:00:00Z"


def export(recorded: Recorded, *, show_secrets: bool = False, version: int = 3) -> dict[str, Any]:
    """Return the document that `pulumi stack export [--show-secrets]` prints after this run.

    ValueError for a preview, which leaves no state, and for a program that failed.
    """
    if recorded.preview or recorded.error:
        raise ValueError("only an update that succeeded leaves the state of its program")
    return {
        "version": version,
        "deployment": {
            "manifest": {"time": TIME, "magic": sha256(b"v3.260.0").hexdigest(), "version": "v3.260.0"},
            "secrets_providers": {"type": "passphrase", "state": {"salt": "v1:AAAAAAAAAAA=:v1:AAAA"}},
            "resources": [_resource(r, recorded, show_secrets) for r in recorded.registrations],
            "metadata": {},
        },
    }


def _resource(made: Registration, recorded: Recorded, show_secrets: bool) -> dict[str, Any]:
    outputs = recorded.outputs if made.type == STACK_TYPE else made.outputs
    row: dict[str, Any] = {
        "urn": made.urn,
        "custom": made.custom,
        "id": made.id,
        "type": made.type,
        "inputs": _value(made.inputs, show_secrets),
        "outputs": _value(outputs, show_secrets),
        "parent": made.parent,
        "protect": made.protect,
        "external": made.external,
        "dependencies": list(made.dependencies),
        "provider": made.provider,
        "propertyDependencies": {key: list(urns) for key, urns in made.property_dependencies.items()},
        "aliases": list(made.aliases),
        "customTimeouts": {key: int(text.removesuffix("s")) for key, text in made.timeouts.items()},
        "importID": made.import_id,
        "retainOnDelete": made.retain_on_delete,
        "created": TIME if made.custom and not made.external else "",
        "modified": TIME,
        "ignoreChanges": list(made.ignore_changes),
        "replaceOnChanges": list(made.replace_on_changes),
    }
    # The Go encoder leaves empty values out (`omitempty`) but for these two.
    return {key: value for key, value in row.items() if value or key in ("urn", "custom")}


def _value(value: Any, show_secrets: bool) -> Any:
    match value:
        case Secret():
            text = json.dumps(_value(value.value, True), separators=(",", ":"), sort_keys=True)
            kept = {"plaintext": text} if show_secrets else {"ciphertext": f"v1:{sha256(text.encode()).hexdigest()}"}
            return {SIGNATURE: SECRET, **kept}
        case Unknown():
            raise ValueError("an update leaves no unknown value")
        case Mapping():
            return {key: _value(item, show_secrets) for key, item in value.items()}
        case list() | tuple():
            return [_value(item, show_secrets) for item in value]
    return value
