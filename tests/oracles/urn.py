"""The name that the Pulumi engine gives a resource, by the engine's own rule."""

from __future__ import annotations

ROOT_STACK_TYPE = "pulumi:pulumi:Stack"


def urn(stack: str, project: str, type_chain: list[str], name: str) -> str:
    """Return the URN of a resource whose types, outermost ancestor first and its own last, are `type_chain`.

    The engine joins the types of the parents with `$` and leaves the root stack's type out
    (pulumi/pulumi `sdk/go/common/resource/urn/urn.go`, function `New`, release 3.259). ValueError for an
    empty part or one that holds the separator `::`; a name may hold anything (it is the last part).
    """
    parents, own = type_chain[:-1], type_chain[-1]
    types = [t for t in parents if t != ROOT_STACK_TYPE] + [own]
    for part in (stack, project, *types):
        if not part or "::" in part or "$" in part:
            raise ValueError(f"not a part of a URN: {part!r}")
    if not name:
        raise ValueError("a resource has a name")
    return f"urn:pulumi:{stack}::{project}::{'$'.join(types)}::{name}"
