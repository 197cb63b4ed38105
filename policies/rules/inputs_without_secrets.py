"""Policy: no secret stands in the inputs of a resource, where everyone who reads the state or the object has it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from policies.pods import POD_SPECS, kind
from policies.resources import UNKNOWN, Finding, Resource, View, broken, cannot_say

FORMS = re.compile(
    r"hf_[A-Za-z0-9]{30,}"  # Hugging Face user access tokens
    r"|sk-[A-Za-z0-9_-]{20,}"  # OpenAI, Anthropic
    r"|A(?:KIA|SIA)[0-9A-Z]{16}"  # access key ids of IAM
    r"|gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22,}"  # GitHub
    r"|xox[abprs]-[A-Za-z0-9-]{10,}"  # Slack
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
"""What a secret looks like, whatever it is called."""

NAMES = re.compile(
    r"(?:^|[_.-])(?:password|passwd|passphrase|secret|token|credentials?|api_?key|access_?key|private_?key)s?$", re.I
)
"""What an environment variable with a secret is called."""

_KINDS = {"ConfigMap", "Secret"}

_READ = ("spec", "data", "stringData", "binaryData")
"""Where objects keep what programs read."""

_SHORTEST = 14
"""Characters of the shortest text that `FORMS` finds."""


def inputs_without_secrets(resource: Resource) -> Iterator[Finding]:
    """No input of a resource is a secret; secrets are references to where they are kept.

    What is known after apply is made by another resource and is not in the spec. It is asked for where programs read it
    (pods, ConfigMaps, Secrets), and wherever it has a secret's name.
    """
    if kind(resource) == "Secret":
        for held in (resource.at(key) for key in _READ[1:]):
            if any(item.value and not item.unknown for item in held.items()):
                yield broken(resource, held, f"`{held.path}` of a Secret is in the graph and in the state, to be read")
    for key, value in resource.inputs.items():
        read = key in _READ and (kind(resource) in _KINDS or kind(resource) in POD_SPECS)
        yield from _walk(resource, value, (key,), read)


def _walk(resource: Resource, value: object, path: tuple[str | int, ...], read: bool) -> Iterator[Finding]:
    if isinstance(value, str):
        if len(value) >= _SHORTEST and FORMS.search(value):
            view = resource.at(*path)
            yield broken(resource, view, f"`{view.path}` looks like a secret")
    elif isinstance(value, Mapping):
        if "value" in value and "name" in value:
            yield from _variable(resource, View(value, resource.at(*path).path))
        for key, item in value.items():
            yield from _walk(resource, item, (*path, key), read)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _walk(resource, item, (*path, position), read)
    elif read and value is UNKNOWN:
        yield from cannot_say(resource, resource.at(*path))


def _variable(resource: Resource, entry: View) -> Iterator[Finding]:
    """Yield a finding for what has a name and a value, if the name is that of a secret."""
    name, held = entry.at("name"), entry.at("value")
    if held.value and (name.unknown or NAMES.search(str(name.value))):
        yield from cannot_say(resource, name, held)
        if not name.unknown and not held.unknown:
            yield broken(resource, held, f"`{name.value}` holds a secret in clear")
