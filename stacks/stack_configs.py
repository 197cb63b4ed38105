"""Stack config files (`Pulumi.<stack>.yaml`): the one key that llmform sets in them, by the smallest edit of the text.

A stack config belongs to the people who run the stack, and to Pulumi, which keeps encrypted values and the key to them
in it. So nothing is read into a value and written out again: the new text is the old one with one line more, or with
one value replaced, and it is checked that every other key still says the same.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import yaml

KEY = "llmform:spec"
"""The config key that holds the spec's path, relative to Pulumi.yaml."""

_SAME_KEY = (KEY, "llmform:config:spec")
"""How Pulumi reads the key: with `config` between project and name in files of its first years."""

_PLAIN = re.compile(r"(\.{1,2}/)*[A-Za-z_][\w./-]*", re.ASCII)


class NotEditable(ValueError):
    """The text is no stack config, or has a form in which no small edit is safe; the message says which.

    `place` is where in the text, as it follows a file's name: `:2:1`, or empty.
    """

    def __init__(self, message: str, mark: yaml.Mark | None = None) -> None:
        super().__init__(message)
        self.place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""


@dataclass(frozen=True, slots=True)
class Project:
    """What llmform reads of a Pulumi.yaml. `config_folder` is relative to it; empty where it is the same folder."""

    name: str
    config_folder: str


def read_project(text: str) -> Project:
    """Return the project that a Pulumi.yaml describes; NotEditable if it describes none.

    The folder of stack configs is `stackConfigDir`; its old spelling is a text under `config`.
    """
    document = _document(text)
    if not isinstance(document, yaml.MappingNode):
        raise NotEditable("it is not a map of keys", document.start_mark if document else None)
    values = {key.value: value for key, value in document.value if isinstance(key, yaml.ScalarNode)}
    name = values.get("name")
    if not isinstance(name, yaml.ScalarNode):
        raise NotEditable("it has no `name`")
    folder = values.get("stackConfigDir") or values.get("config")
    return Project(name.value, folder.value if isinstance(folder, yaml.ScalarNode) else "")


def spec_in(text: str) -> str | None:
    """Return the spec's path that a stack config holds; None if it holds none, or is no stack config."""
    try:
        value = _spec_member(_member(_document(text), "config"))
    except NotEditable:
        return None
    return value.value if isinstance(value, yaml.ScalarNode) else None


def with_spec(text: str, spec: str) -> str:
    """Return the text of a stack config with the spec's path set; the same text if it is set already.

    Raises NotEditable where the text is not YAML, the key is a secret, or the edit would change anything else.

    Example:
        >>> print(with_spec("config:\\n  aws:profile: ml # ours\\n", "spec.yaml"), end="")
        config:
          llmform:spec: spec.yaml
          aws:profile: ml # ours
    """
    if spec_in(text) == spec:
        return text
    after = _edited(text, spec)
    if "\n" in text and text.count("\r\n") == text.count("\n"):
        after = after.replace("\r\n", "\n").replace("\n", "\r\n")
    _same_but_for_the_spec(text, after, spec)
    return after


def _edited(text: str, spec: str) -> str:
    root = _document(text)
    line = f"{KEY}: {_scalar(spec)}"
    if root is None:
        return f"{_ended(text)}config:\n  {line}\n"
    if not isinstance(root, yaml.MappingNode):
        raise NotEditable("it is not a map of keys", root.start_mark)
    config = _member(root, "config")
    if config is None and root.flow_style:
        return _into_braces(text, root, f'"config": {{{_quoted(spec)}}}')
    if config is None:
        at = _end_of(text, root)
        return f"{_ended(text[:at])}config:\n  {line}\n{text[at:]}"
    present = _spec_member(config)
    if present is not None:
        if not isinstance(present, yaml.ScalarNode):
            raise NotEditable(f"`{KEY}` is not a text; a spec's path is no secret", present.start_mark)
        quoted = _within_braces(root, config)
        return _replaced(text, present, json.dumps(spec, ensure_ascii=False) if quoted else _scalar(spec))
    return _into_config(text, root, config, spec, line)


def _into_config(text: str, root: yaml.MappingNode, config: yaml.Node, spec: str, line: str) -> str:
    if isinstance(config, yaml.MappingNode) and config.flow_style:
        return _into_braces(text, config, _quoted(spec))
    key = next(k for k, v in root.value if v is config)
    if isinstance(config, yaml.MappingNode):
        # above the first entry and the comments that belong to it
        at = _next_line(text, key.end_mark.index)
        return f"{text[:at]}{' ' * config.start_mark.column}{line}\n{text[at:]}"
    if isinstance(config, yaml.ScalarNode) and config.tag == "tag:yaml.org,2002:null":
        bare = text[: config.start_mark.index] + text[config.end_mark.index :]
        at = _next_line(bare, key.end_mark.index)
        return f"{_ended(bare[:at])}{' ' * (key.start_mark.column + 2)}{line}\n{bare[at:]}"
    raise NotEditable("`config` is not a map of keys", config.start_mark)


def _document(text: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        problem = getattr(error, "problem", None) or error
        raise NotEditable(f"it is not YAML: {problem}", getattr(error, "problem_mark", None)) from None


def _member(node: yaml.Node | None, name: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    found = [value for key, value in node.value if isinstance(key, yaml.ScalarNode) and key.value == name]
    if len(found) > 1:
        raise NotEditable(f"it has `{name}` {len(found)} times", found[1].start_mark)
    return found[0] if found else None


def _spec_member(config: yaml.Node | None) -> yaml.Node | None:
    found = [value for name in _SAME_KEY if (value := _member(config, name)) is not None]
    if len(found) > 1:
        raise NotEditable(f"it has `{KEY}` in two spellings", found[1].start_mark)
    return found[0] if found else None


def _within_braces(*nodes: yaml.Node) -> bool:
    return any(isinstance(n, yaml.CollectionNode) and n.flow_style for n in nodes)


def _into_braces(text: str, node: yaml.MappingNode, member: str) -> str:
    at = text.index("{", node.start_mark.index) + 1
    return f"{text[:at]}{member}{', ' if node.value else ''}{text[at:]}"


def _replaced(text: str, node: yaml.Node, new: str) -> str:
    return text[: node.start_mark.index] + new + text[node.end_mark.index :]


def _quoted(spec: str) -> str:
    return f'"{KEY}": {json.dumps(spec, ensure_ascii=False)}'


def _scalar(text: str) -> str:
    """Return a YAML scalar that every reader takes for this text."""
    words = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
    plain = _PLAIN.fullmatch(text) and text.lower() not in words
    return text if plain else json.dumps(text, ensure_ascii=False)


def _next_line(text: str, at: int) -> int:
    return text.find("\n", at) + 1 or len(text)


def _end_of(text: str, root: yaml.MappingNode) -> int:
    """Return where a block map's last entry ends: what comes after it, if only comments, stays before a new key."""
    at: int = root.end_mark.index
    return at if root.end_mark.column == 0 else _next_line(text, at)


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


def _same_but_for_the_spec(before: str, after: str, spec: str) -> None:
    try:
        was, now = _plain(_document(before)) or {}, _plain(_document(after))
    except (NotEditable, RecursionError):
        was, now = {}, None
    right = False
    if isinstance(now, dict) and isinstance(now.get("config"), dict):
        name = next((name for name in _SAME_KEY if name in now["config"]), "")
        right = now == {**was, "config": {**(was.get("config") or {}), name: spec}}
    if not right:
        raise NotEditable("its form leaves no place for a safe edit")


def _plain(node: yaml.Node | None) -> Any:
    """Return a document with every scalar as its text and tag, so that nothing is lost in reading it."""
    match node:
        case yaml.MappingNode():
            return {key.value: _plain(value) for key, value in node.value}
        case yaml.SequenceNode():
            return [_plain(value) for value in node.value]
        case yaml.ScalarNode(tag="tag:yaml.org,2002:str"):
            return node.value
        case yaml.ScalarNode(tag="tag:yaml.org,2002:null"):
            return None
        case yaml.ScalarNode():
            return (node.tag, node.value)
        case _:
            return None
