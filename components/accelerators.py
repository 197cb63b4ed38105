"""How people read an accelerator: `NVIDIA L40S 48 GB`."""

from __future__ import annotations

import re

from specs.catalog.reader import Edition


def accelerator_title(edition: Edition, name: str) -> str:
    """Return the accelerator as its vendor writes it; without memory where the catalog has no row.

    Vendors write "GB" for what EC2 reports either as whole GiB (H200: 144,384 MiB = 141 GiB, sold as 141 GB)
    or as decimal GB (L40S: 45,776 MiB = 48.0 GB, sold as 48 GB); both give the number on the data sheet.
    """
    vendor, _, rest = name.partition("-")
    words = f"{vendor} {re.sub(r'-[0-9]+gb$', '', rest).replace('-', ' ')}".strip().upper()
    row = edition.accelerators.get(name)
    if row is None:
        return words
    mib = row.memory_mib
    gigabytes = mib // 1024 if mib % 1024 == 0 else round(mib * 1024**2 / 1000**3)
    return f"{words} {gigabytes} GB"
