"""Policy: no secret stands in the inputs of a resource, where everyone who reads the state or the object has it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from policies.pods import containers, kind, named, pod_specs
from policies.resources import UNKNOWN, Finding, Resource, View, broken, cannot_say
from specs.secret_names import harmless, secret_form, secret_name

_FLAG = re.compile(r"(?:^|\s)--?([A-Za-z][\w.-]*)(?:=|\s+)(?!-)(\S+)")
"""A flag with its value, in an argument or in the text of a shell."""

_OF_THE_SHELL = re.compile(r"['\"]?\$")
"""How a value begins that a shell puts in."""

_SECRET_KINDS = {"ConfigMap", "Secret"}

_READ = ("spec", "data", "stringData", "binaryData")
"""Where objects keep what programs read."""


def inputs_without_secrets(resource: Resource) -> Iterator[Finding]:
    """No input of a resource is a secret; secrets are references to where they are kept.

    What is known after apply is made by another resource and is not in the spec. It is asked for where programs read it
    (pods, ConfigMaps, Secrets), and wherever it has a secret's name.
    """
    if kind(resource) == "Secret":
        for held in (resource.at(key) for key in _READ[1:]):
            if any(item.value and not item.unknown for item in held.items()):
                yield broken(resource, held, f"`{held.path}` of a Secret is in the graph and in the state, to be read")
    if resource.type.startswith("pulumi:providers:"):  # the engine has the inputs of a provider as JSON texts
        resource = replace(resource, inputs={key: resource.at(key).document_or_text() for key in resource.inputs})
        yield from _keys(resource, View(resource.inputs, ""))
    elif kind(resource) in ("ConfigMap", "Release"):
        for key in ("data", "values"):
            yield from _keys(resource, resource.at(key))
    pods = tuple(pod_specs(resource))
    for container in (container for spec in pods for container in containers(spec)):
        yield from _arguments(resource, container)
    for key, value in resource.inputs.items():
        read = key in _READ and (kind(resource) in _SECRET_KINDS or bool(pods))
        if _speaks(value, read):
            yield from _walk(resource, value, (key,), read)


def _speaks(value: object, read: bool) -> bool:
    """Say whether `_walk` may find anything in a value. Few have anything, and this keeps no path."""
    found = [value]
    for item in found:  # which grows by what is in it
        if isinstance(item, str):
            if secret_form(item):
                return True
        elif isinstance(item, dict):
            if "value" in item and "name" in item and _may_hide(item["name"], item["value"]):
                return True
            found += item.values()
        elif isinstance(item, list):
            found += item
        elif (read and item is UNKNOWN) or isinstance(item, Mapping):
            return True
    return False


def _walk(resource: Resource, value: object, path: tuple[str | int, ...], read: bool) -> Iterator[Finding]:
    if isinstance(value, str):
        if secret_form(value):
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
    if _may_hide(name.value, held.value):
        yield from cannot_say(resource, name, held)
        if not name.unknown and not held.unknown:
            yield broken(resource, held, f"`{name.value}` holds a secret in clear")


def _may_hide(name: object, held: object) -> bool:
    if held is None or (held is not UNKNOWN and harmless(str(name), str(held))):
        return False
    return name is UNKNOWN or secret_name(str(name))


def _keys(resource: Resource, view: View) -> Iterator[Finding]:
    """Yield what a ConfigMap, the values of a chart or a provider have under the name of a secret.

    `existingSecret` and its like say where a secret is kept (the convention of charts), but `clientSecret` is one.
    """
    for key, held in view.entries():
        where = key.lower().endswith("secret") and not key.lower().endswith(("client_secret", "clientsecret"))
        if not secret_name(key) or where:
            continue
        yield from cannot_say(resource, held)
        if isinstance(held.value, str) and not harmless(key, held.value):
            yield broken(resource, held, f"`{held.path}` holds a secret in clear")
    for held in view.items():
        if not held.unknown:
            yield from _keys(resource, held)


def _arguments(resource: Resource, container: View) -> Iterator[Finding]:
    """Yield the flags of a container that hand over a secret: everyone who lists the pod's processes reads them too."""
    for key in ("command", "args"):
        words = [(view, view.value) for view in container.at(key).items() if isinstance(view.value, str)]
        following = [*(text for _, text in words[1:]), ""]
        for (view, text), after in zip(words, following, strict=False):
            alone = text.startswith("-") and not re.search(r"[=\s]", text)
            for flag, value in _FLAG.findall(f"{text} {after}" if alone else text):
                if secret_name(flag) and not harmless(flag, value) and not _OF_THE_SHELL.match(value):
                    yield broken(resource, view, f"`--{flag}` of {named(container)} is a secret in clear")
