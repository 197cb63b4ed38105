"""`images`: the registry that pods take their images from."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from specs.schema.base import Section, Text


class Images(Section):
    """Images of one's own, built by `llmform images`, instead of those that the edition names."""

    registry: Annotated[
        Text, Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$")
    ]
    """The registry, with the folder in it, such as `123456789012.dkr.ecr.us-east-1.amazonaws.com/llm`."""

    lock: Annotated[Text, Field(min_length=1, max_length=300)] | None = None
    """The file beside the spec with the digest of each image, such as `images.lock`; `llmform images` writes it.
    Default: none, and images are named by tags."""
