"""What every form of a picture says of a box, and in which colour."""

from __future__ import annotations

from typing import NamedTuple

from stacks.picture import Box, Change, Picture
from stacks.plan import Action
from stacks.render.style import safe
from stacks.risk.finding import Risk, some


class Look(NamedTuple):
    """How a change looks: its symbol in a plan, what is done in a word, and its colours by hexadecimal number.

    `ink` on `fill` is for a light page, `dark_ink` on `dark_fill` for a dark one: in both pairs the contrast is 4.5 to
    1 or more (WCAG 2.2, 1.4.3), which `tests/test_picture.py` computes.
    """

    symbol: str
    word: str
    ink: str
    fill: str
    dark_ink: str
    dark_fill: str


LOOKS: dict[Change, Look] = {
    "none": Look("", "no change", "#3d444d", "#f6f8fa", "#d1d7e0", "#21262d"),
    "create": Look(Action.CREATE.value, "new", "#116329", "#dafbe1", "#7ee787", "#12351d"),
    "adopt": Look(Action.ADOPT.value, "taken over", "#0550ae", "#ddf4ff", "#79c0ff", "#0c2d52"),
    "delete": Look(Action.DELETE.value, "goes", "#a40e26", "#ffebe9", "#ffa198", "#4a1216"),
    "replace": Look(Action.REPLACE.value, "replaced", "#6639ba", "#fbefff", "#d2a8ff", "#34205c"),
    "move": Look(Action.MOVE.value, "renamed", "#1b6c76", "#dcf7f9", "#76d4e0", "#0d3339"),
    "update": Look(Action.UPDATE.value, "changed", "#7d4e00", "#fff8c5", "#e3b341", "#3d2e00"),
}


def name_of(box: Box) -> str:
    """Return the component's name with the symbol of what happens to it: `~ serving.chat`."""
    return f"{LOOKS[box.change].symbol} {safe(box.id)}".strip()


def kind_of(box: Box) -> str:
    """Return what the component is: `ModelServer, 8 resources`."""
    return f"{safe(box.type.rpartition(':')[2])}, {some(box.resources, 'resource')}"


def change_of(box: Box) -> str:
    """Return what happens to it: `changed, rolling`; nothing for a box without a change."""
    if box.change == "none":
        return ""
    word = LOOKS[box.change].word
    return word if box.risk is Risk.NONE else f"{word}, {box.risk}"


def summary(picture: Picture) -> str:
    """Return the picture in a sentence or two, for who does not see it."""
    changed = [f"{safe(b.id)} is {change_of(b)}" for b in picture.boxes if b.change not in ("none", "delete")]
    changed += [f"{safe(b.id)} goes" for b in picture.boxes if b.change == "delete"]
    what = f"{some(len(picture.boxes), 'component')}, {some(len(picture.arrows), 'dependency')}"
    return f"{what}. {'; '.join(changed) or 'Nothing changes'}." if picture.compared else f"{what}."


LEGEND = "An arrow leads from what is made first to what needs it."
