"""Syntax of Kubernetes names, label keys and values, as apimachinery's `util/validation` has it (1.34)."""

from __future__ import annotations

import re

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_PORT = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+")


def is_dns_label(text: object) -> bool:
    """DNS-1123 label: at most 63 lower-case letters, digits and inner dashes."""
    return isinstance(text, str) and len(text) <= 63 and _LABEL.fullmatch(text) is not None


def is_dns_1035_label(text: object) -> bool:
    """DNS-1035 label: a DNS-1123 label that starts with a letter (Services)."""
    return isinstance(text, str) and len(text) <= 63 and _LABEL_1035.fullmatch(text) is not None


def is_dns_subdomain(text: object) -> bool:
    """DNS-1123 subdomain: labels joined by dots, at most 253 characters."""
    return isinstance(text, str) and len(text) <= 253 and _SUBDOMAIN.fullmatch(text) is not None


def is_path_segment(text: object) -> bool:
    """What may stand in a URL path: the names of RBAC objects (`system:node`)."""
    return isinstance(text, str) and text not in ("", ".", "..") and "/" not in text and "%" not in text


def is_qualified_name(text: object) -> bool:
    """A label key, annotation key or extended resource: `[domain/]name`, the name at most 63 characters."""
    if not isinstance(text, str):
        return False
    prefix, slash, name = text.rpartition("/")
    if slash and not is_dns_subdomain(prefix):
        return False
    return len(name) <= 63 and _QUALIFIED.fullmatch(name) is not None


def is_label_value(text: object) -> bool:
    """At most 63 characters, alphanumeric at both ends, or empty."""
    return isinstance(text, str) and (text == "" or (len(text) <= 63 and bool(_QUALIFIED.fullmatch(text))))


def is_port_name(text: object) -> bool:
    """IANA service name: at most 15 of `a-z0-9-`, one letter at least, no two dashes together."""
    if not isinstance(text, str) or len(text) > 15 or "--" in text:
        return False
    return _PORT.fullmatch(text) is not None and re.search(r"[a-z]", text) is not None


def is_config_key(text: object) -> bool:
    """A key of a ConfigMap or Secret: at most 253 of `-._a-zA-Z0-9`, and not a way up in a file tree."""
    if not isinstance(text, str) or len(text) > 253 or text == "." or text.startswith(".."):
        return False
    return _CONFIG_KEY.fullmatch(text) is not None
