"""Which metrics a text in Prometheus' format exports."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families


class NotMetrics(ValueError):
    """The text is not in Prometheus' text format."""


def exported(text: str) -> frozenset[str]:
    """Return the names under which metrics can be asked for: those of samples, and of families, whose samples may have
    a suffix such as `_bucket`. Raises NotMetrics.

    Example:
        >>> sorted(exported("# TYPE a histogram\\na_bucket{le=\\"+Inf\\"} 0\\na_count 0\\na_sum 0\\n"))
        ['a', 'a_bucket', 'a_count', 'a_sum']
    """
    names: set[str] = set()
    try:
        for family in text_string_to_metric_families(text):
            names |= {sample.name for sample in family.samples}
            if family.samples:
                names.add(family.name)
    except (ValueError, IndexError, KeyError) as error:
        raise NotMetrics(str(error)) from None
    return frozenset(names)
