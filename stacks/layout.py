"""Where boxes and the lines between them stand on a page: columns from left to right, with few crossings.

A layered layout (Sugiyama, Tagawa and Toda, 1981) in its plainest form: a box stands in the column after the last that
leads to it, a column is ordered by the mean place of its neighbours, and heights are the least-squares fit to those
means that keeps boxes apart. It has no dependency because the layout libraries that are kept up are compiled ones.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

GAP_X, GAP_Y, GAP_LINE = 56, 14, 8
"""Pixels between two columns, between two boxes of a column, and around a line that passes a column."""

_SWEEPS = 8
"""How often the columns are put in order, there and back. More found nothing better on the examples."""


@dataclass(frozen=True, slots=True)
class Place:
    """A rectangle in pixels; `x` and `y` are those of its upper left corner."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Line:
    """A line from the right edge of the box `left` to the left edge of the box `right`.

    Its points come in pairs that end a straight level piece: between two pairs it is drawn as a curve. `forward`: an
    arrow leads from left to right; `back`: one leads from right to left. One of them is true, or both.
    """

    left: str
    right: str
    points: tuple[tuple[int, int], ...]
    forward: bool
    back: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """All boxes by id, and the lines, on a page of `width` × `height` pixels."""

    width: int
    height: int
    places: Mapping[str, Place]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class _Bend:
    """A line's passage through a column between its two boxes."""

    left: str
    right: str
    column: int


_Item = str | _Bend


def layout(sizes: Mapping[str, tuple[int, int]], arrows: Iterable[tuple[str, str]]) -> Layout:
    """Return the layout of boxes of these widths and heights, with arrows from the first id to the second.

    Boxes of a column are as wide as its widest. An arrow against the order of `sizes` leads back, from the right to
    the left; if there is none, all lead to the right. Boxes without arrows stand in rows below.
    """
    directions = _directions(list(sizes), arrows)
    tied = [i for i in sizes if any(i in pair for pair in directions)]
    column = _columns(tied, directions)
    chains = {pair: _chain(*pair, column) for pair in directions}
    columns = _ordered(_initial(tied, column, chains), chains)
    middles = _middles(columns, chains, sizes)
    places, edges = _places(columns, middles, sizes)
    lines = []
    for pair, chain in chains.items():
        points: list[tuple[int, int]] = []
        for item, at in zip(chain, range(column[pair[0]], column[pair[1]] + 1), strict=True):
            y = _middle(places[item]) if isinstance(item, str) else round(middles[item])
            points.extend((x, y) for x in edges[at])
        lines.append(Line(*pair, tuple(points[1:-1]), *directions[pair]))
    width = max((p.x + p.width for p in places.values()), default=0)
    height = max([p.y + p.height for p in places.values()] + [y for line in lines for _, y in line.points], default=0)
    rest = {i: size for i, size in sizes.items() if i not in column}
    everything = places | _rows(rest, width, height + 2 * GAP_Y if places else 0)
    return Layout(
        max((p.x + p.width for p in everything.values()), default=0),
        max([height, *(p.y + p.height for p in everything.values())]),
        {i: everything[i] for i in sizes},
        tuple(lines),
    )


def _directions(ids: Sequence[str], arrows: Iterable[tuple[str, str]]) -> dict[tuple[str, str], tuple[bool, bool]]:
    """Return the lines as pairs in the order of the ids, each with whether an arrow leads forward, and back."""
    rank = {i: n for n, i in enumerate(ids)}
    found: dict[tuple[str, str], tuple[bool, bool]] = {}
    for start, end in arrows:
        ahead = rank[start] < rank[end]
        pair = (start, end) if ahead else (end, start)
        forward, back = found.get(pair, (False, False))
        found[pair] = (forward or ahead, back or not ahead)
    return dict(sorted(found.items(), key=lambda item: (rank[item[0][0]], rank[item[0][1]])))


def _columns(ids: Sequence[str], pairs: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Return the column of each id: after all that lead to it; what nothing leads to stands next to where it leads."""
    before: dict[str, list[str]] = defaultdict(list)
    after: dict[str, list[str]] = defaultdict(list)
    for left, right in pairs:
        before[right].append(left)
        after[left].append(right)
    column: dict[str, int] = {}
    for i in ids:
        column[i] = max((column[b] + 1 for b in before[i]), default=0)
    for i in ids:
        if not before[i]:
            column[i] = min(column[a] for a in after[i]) - 1
    return column


def _chain(left: str, right: str, column: Mapping[str, int]) -> tuple[_Item, ...]:
    bends = (_Bend(left, right, c) for c in range(column[left] + 1, column[right]))
    return (left, *bends, right)


def _initial(
    ids: Iterable[str], column: Mapping[str, int], chains: Mapping[tuple[str, str], tuple[_Item, ...]]
) -> list[list[_Item]]:
    columns: list[list[_Item]] = [[] for _ in range(max(column.values(), default=-1) + 1)]
    for i in ids:
        columns[column[i]].append(i)
    for chain in chains.values():
        for item in chain:
            if isinstance(item, _Bend):
                columns[item.column].append(item)
    return columns


def _neighbours(
    chains: Mapping[tuple[str, str], tuple[_Item, ...]],
) -> tuple[dict[_Item, list[_Item]], dict[_Item, list[_Item]]]:
    """Return what each item is tied to in the column on its left, and on its right."""
    lefts: dict[_Item, list[_Item]] = defaultdict(list)
    rights: dict[_Item, list[_Item]] = defaultdict(list)
    for chain in chains.values():
        for left, right in zip(chain, chain[1:], strict=False):
            lefts[right].append(left)
            rights[left].append(right)
    return lefts, rights


def _ordered(columns: list[list[_Item]], chains: Mapping[tuple[str, str], tuple[_Item, ...]]) -> list[list[_Item]]:
    """Return the columns in the order with the fewest crossings that the sweeps met."""
    lefts, rights = _neighbours(chains)
    best, fewest = columns, crossings(columns, rights)
    for _ in range(_SWEEPS):
        for ties, indices in ((lefts, range(len(columns))), (rights, range(len(columns) - 1, -1, -1))):
            columns = [list(c) for c in columns]
            for index in indices:
                columns[index] = _by_mean(columns, index, ties)
            count = crossings(columns, rights)
            if count < fewest:
                best, fewest = columns, count
    return best


def _by_mean(columns: Sequence[Sequence[_Item]], index: int, ties: Mapping[_Item, Sequence[_Item]]) -> list[_Item]:
    """Return a column sorted by the mean place of what its items are tied to; what is tied to nothing stays put."""
    place = {item: n for beside in columns for n, item in enumerate(beside)}

    def mean(item: _Item) -> float:
        tied = ties.get(item, ())
        return sum(place[t] for t in tied) / len(tied) if tied else place[item]

    return sorted(columns[index], key=mean)


def crossings(columns: Sequence[Sequence[_Item]], rights: Mapping[_Item, Sequence[_Item]]) -> int:
    """Return how many pairs of lines cross between neighbouring columns."""
    count = 0
    for here, beside in zip(columns, columns[1:], strict=False):
        place = {item: n for n, item in enumerate(beside)}
        passed: list[int] = []
        for item in here:
            ends = sorted(place[r] for r in rights.get(item, ()))
            count += sum(len(passed) - bisect_right(passed, end) for end in ends)
            for end in ends:
                insort(passed, end)
    return count


def _middles(
    columns: Sequence[Sequence[_Item]],
    chains: Mapping[tuple[str, str], tuple[_Item, ...]],
    sizes: Mapping[str, tuple[int, int]],
) -> dict[_Item, float]:
    """Return the height of each item's middle: as near to its neighbours' mean as the order of its column allows."""
    lefts, rights = _neighbours(chains)
    both = {item: [*lefts.get(item, ()), *rights.get(item, ())] for c in columns for item in c}
    apart = [[_apart(a, b, sizes) for a, b in zip(c, c[1:], strict=False)] for c in columns]
    middle: dict[_Item, float] = {}
    for c, gaps in zip(columns, apart, strict=True):
        middle.update(zip(c, fitted([0.0] * len(c), gaps), strict=True))
    forth, back = range(len(columns)), range(len(columns) - 1, -1, -1)
    for ties, indices in ((lefts, forth), (rights, back), (lefts, forth), (both, back), (both, forth)):
        for index in indices:
            items = columns[index]
            wanted = [_mean([middle[t] for t in ties.get(i, ())], middle[i]) for i in items]
            middle.update(zip(items, fitted(wanted, apart[index]), strict=True))
    top = min((middle[i] - _half(i, sizes) for c in columns for i in c), default=0.0)
    return {item: y - top for item, y in middle.items()}


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _half(item: _Item, sizes: Mapping[str, tuple[int, int]]) -> float:
    return sizes[item][1] / 2 if isinstance(item, str) else 0.0


def _apart(a: _Item, b: _Item, sizes: Mapping[str, tuple[int, int]]) -> float:
    """Return how far apart the middles of two items of a column have to be."""
    gap = GAP_Y if isinstance(a, str) and isinstance(b, str) else GAP_LINE
    return _half(a, sizes) + gap + _half(b, sizes)


def fitted(wanted: Sequence[float], apart: Sequence[float]) -> list[float]:
    """Return the rising values nearest to the wanted ones (least squares), each `apart` from the one before at least.

    Without the distances it is isotonic regression: neighbours in the wrong order are pooled at their mean.

    Example:
        >>> fitted([5, 0], [10])
        [-2.5, 7.5]
    """
    offsets = [0.0]
    for distance in apart:
        offsets.append(offsets[-1] + distance)
    pools: list[tuple[float, int]] = []  # mean and length
    for value, offset in zip(wanted, offsets, strict=False):
        mean, length = value - offset, 1
        while pools and pools[-1][0] > mean:
            other, more = pools.pop()
            mean, length = (mean * length + other * more) / (length + more), length + more
        pools.append((mean, length))
    level = [mean for mean, length in pools for _ in range(length)]
    return [value + offset for value, offset in zip(level, offsets, strict=False)]


def _places(
    columns: Sequence[Sequence[_Item]], middles: Mapping[_Item, float], sizes: Mapping[str, tuple[int, int]]
) -> tuple[dict[str, Place], list[tuple[int, int]]]:
    """Return the places of all boxes, and the left and right edge of each column."""
    places: dict[str, Place] = {}
    edges: list[tuple[int, int]] = []
    x = 0
    for items in columns:
        boxes = [i for i in items if isinstance(i, str)]  # never none: a column is there because of a box
        width = max(sizes[i][0] for i in boxes)
        for i in boxes:
            height = sizes[i][1]
            places[i] = Place(x, round(middles[i] - height / 2), width, height)
        edges.append((x, x + width))
        x += width + GAP_X
    return places, edges


def _rows(sizes: Mapping[str, tuple[int, int]], width: int, top: int) -> dict[str, Place]:
    """Return boxes in rows of equal cells, as wide as the page and three cells at least."""
    if not sizes:
        return {}
    wide, high = (max(side) + GAP_Y for side in zip(*sizes.values(), strict=True))
    across = max(3, (width + GAP_Y) // wide)
    return {
        i: Place(n % across * wide, top + n // across * high, wide - GAP_Y, height)
        for n, (i, (_, height)) in enumerate(sizes.items())
    }


def _middle(place: Place) -> int:
    return place.y + place.height // 2
