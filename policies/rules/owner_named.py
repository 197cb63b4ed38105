"""Policy: whoever finds a resource finds whom to ask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies.resources import Finding, Resource, View

OWNER = "llmform.dev/owner"
"""The label and the tag that name the owner."""


def owner_named(resources: Sequence[Resource]) -> Iterator[Finding]:
    """Something in the stack says who owns it."""
    unknown: View | None = None
    for view in (view for resource in resources for view in _places(resource)):
        if isinstance(view.value, str) and view.value:
            return
        if unknown is None and view.unknown:
            unknown = view
    if unknown is not None:
        yield Finding(f"`{unknown.path}` is known after apply", path=unknown.path, unknown=True)
    else:
        yield Finding("nothing in the stack says who owns it: `owner` is not set")


def _places(resource: Resource) -> Iterator[View]:
    """Yield where the owner of a resource can stand: labels, tags, and tags that the AWS provider gives to all."""
    if resource.type.startswith("kubernetes:"):
        yield resource.at("metadata", "labels", OWNER)
    elif resource.type == "pulumi:providers:aws":
        # the engine has the inputs of a provider as JSON texts
        yield resource.at("defaultTags").document().at("tags", OWNER)
    elif resource.type.startswith("aws:"):
        yield resource.at("tags", OWNER)
