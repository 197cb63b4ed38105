"""`stores`: where data is kept."""

from __future__ import annotations

from typing import Annotated, Literal

from specs.schema.base import Flag, Section, unit
from specs.units import UnitError, duration

DAY_MS = 86_400_000


def _whole_days(value: object) -> int:
    """Return milliseconds of whole days: S3 counts the age of objects in days."""
    if isinstance(value, int) and not isinstance(value, bool):
        raise UnitError(f"`{value}` has no unit, and a duration needs one", f"write `{value}d`")
    milliseconds = duration(value)
    if milliseconds % DAY_MS:
        raise UnitError(f"`{value}` is no whole number of days", "write whole days, such as `7d`")
    return milliseconds


class Store(Section):
    """An object store: on AWS an S3 bucket that is private and refuses anything but TLS."""

    kind: Literal["object"]
    """What it keeps: `object`."""

    versioned: Flag = True
    """Keep overwritten and deleted objects for 30 days. Default: true."""

    encrypted: Flag = True
    """Encrypt with a key of this target in AWS KMS. Default: true. Without it S3 encrypts with its own key."""

    protect: Flag | None = None
    """Refuse to delete the bucket until an apply with `false` has come before. Default: the spec's `protect`."""

    retention: Annotated[int, unit(_whole_days)] | None = None
    """Delete objects this long after they were written, in whole days, such as `400d` or `7y`. Default: never."""
