"""`stores`: where data is kept."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from specs.schema.base import Flag, Section, unit
from specs.units import duration

DAY_MS = 86_400_000


class Store(Section):
    """An object store: on AWS an S3 bucket that is private and refuses anything but TLS."""

    kind: Literal["object"]
    """What it keeps: `object`."""

    versioned: Flag = True
    """Keep overwritten and deleted objects for 30 days. Default: true."""

    encrypted: Flag = True
    """Encrypt with a key of this target in AWS KMS. Default: true. Without it S3 encrypts with its own key."""

    retention: Annotated[int, unit(duration), Field(ge=DAY_MS)] | None = None
    """Delete objects this long after they were written, in whole days, such as `400d` or `7y`. Default: never."""
