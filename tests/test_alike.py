"""What is told of many stacks at once is true of each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from stacks.alike import Group, groups, in_short, marked
from stacks.compile import compile_spec
from stacks.edits import node_of
from stacks.plan import Against, Plan, plan
from stacks.policy_report import Report
from stacks.render.reviews import FORMATS, rendered
from stacks.review import Reading, Review, SpecReview
from tests.memory_files import MemoryFiles

HEAD = """\
apiVersion: llmform/v1
name: {name}
owner: ml
models: {{chat: "hf://Qwen/Qwen2.5-7B-Instruct@a09a35458c702b33eeacc393d103063234e8bc28"}}
nodePools: {{l40s: {{accelerator: nvidia-l40s, max: {max}}}}}
serving: {{chat: {{model: chat, pool: l40s{more}}}}}
"""


def place(name: str, account: str, region: str = "us-east-1", more: str = "") -> str:
    return f"""\
  {name}:
    provider: aws
    account: "{account}"
    region: {region}
    api: {{allow: [198.51.100.0/24]}}
{more}"""


TWO = place("north", "111111111111") + place("south", "222222222222")


def text(targets: str = TWO, name: str = "hello", max: int = 2, more: str = "", rest: str = "") -> str:
    return HEAD.format(name=name, max=max, more=more) + "targets:\n" + targets + rest


def planned(after: str, before: str | None = None) -> Plan:
    sides = [compile_spec(t.encode(), "spec.yaml").compilation for t in (after, before) if t is not None]
    assert all(sides)
    new, old = sides[0], (sides[1] if before else None)
    assert new is not None
    return plan(old, new, Against("git", "main") if before else Against())


def told(found: Sequence[Group]) -> list[tuple[str, ...]]:
    return [g.names for g in found]


def test_places_that_differ_in_their_names_change_alike() -> None:
    """Two accounts with the same platform: three layers, two members each, and it is said that each has its names."""
    found = groups(planned(text()))
    assert [len(g.members) for g in found] == [2, 2, 2]
    assert [g.names for g in found if g.first.layer == "workloads"] == [
        ("hello.default.north.workloads", "hello.default.south.workloads")
    ]
    assert all(g.own_names for g in found)


def test_a_change_without_names_says_that_it_has_none() -> None:
    """A larger pool is one line of the spec and one property of each pool: nothing of it is a member's own."""
    found = groups(planned(text(max=3), text()))
    assert told(found) == [("hello.default.north.platform", "hello.default.south.platform")]
    assert (found[0].own_names, found[0].own_lines) == (False, False)


def test_only_what_is_affected_is_in_a_group() -> None:
    """A plan of nothing has no groups, and each stack that changes is in exactly one."""
    assert groups(planned(text(), text())) == ()
    made = planned(text(max=3), text())
    assert sorted(n for g in groups(made) for n in g.names) == sorted(s.name for s in made.stacks if s.steps)


def test_another_number_is_another_change() -> None:
    """The same pool to 3 in one place and to 4 in the other; the names are no excuse."""
    overlaid = place("north", "111111111111", more="    overlay: {nodePools.l40s: {max: 4}}\n")
    found = groups(planned(text(overlaid + place("south", "222222222222"), max=3), text()))
    assert [len(g.members) for g in found if g.first.layer == "platform"] == [1, 1]


def test_what_stands_around_a_change_is_part_of_it() -> None:
    """The same edit where other resources stay is told apart, since the plan counts them."""
    made = planned(text(max=3), text())
    one, *rest = made.stacks
    changed = [s for s in made.stacks if s.steps]
    more = replace(made, stacks=tuple(replace(s, unchanged=s.unchanged + (s is changed[0])) for s in made.stacks))
    assert told(groups(made)) != told(groups(more))


def test_equal_values_on_other_lines_are_one_change_and_it_is_said() -> None:
    """Two overlays say the same number: one change, and the lines of its causes are the members' own."""

    def both(number: int) -> str:
        overlay = f"    overlay: {{nodePools.l40s: {{max: {number}}}}}\n"
        return text(place("north", "111111111111", more=overlay) + place("south", "222222222222", more=overlay))

    found = groups(planned(both(4), both(3)))
    assert told(found) == [("hello.default.north.platform", "hello.default.south.platform")]
    assert found[0].own_lines


def test_a_name_that_is_a_number_hides_no_number() -> None:
    """A context named `3` is not what three replicas are: the values stay apart."""

    def on_prem(name: str, context: str, replicas: int) -> str:
        overlay = f"    overlay: {{serving.chat.env: {{COUNT: '{replicas}'}}}}\n"
        there = f"provider: on-prem\n    kubeContext: '{context}'\n    storage: {{shared: cephfs}}\n"
        return f"  {name}:\n    {there}{overlay}"

    def both(a: int, b: int) -> str:
        return text(on_prem("north", "3", a) + on_prem("south", "4", b), more=", replicas: 1")

    found = groups(planned(both(3, 4), both(1, 1)))
    assert [len(g.members) for g in found if g.first.layer == "workloads"] == [1, 1]


def test_specs_of_one_review_are_grouped_together() -> None:
    """Two specs with another name and the same platform: one group over both, each member with its file."""
    nothing = Report((), (), {})
    one, other = planned(text(max=3), text()), planned(text(name="other", max=3), text(name="other"))
    review = Review(
        (SpecReview("a.yaml", one, (), {}, nothing), SpecReview("b.yaml", other, (), {}, nothing)),
    )
    (group,) = groups(review)
    assert [m.file for m in group.members] == ["a.yaml", "a.yaml", "b.yaml", "b.yaml"]


def test_sites_planned_once_are_alike_as_if_each_was_planned_by_itself() -> None:
    """The way sites were planned saves the comparison, and changes nothing of what it says: new ones have names and
    lines of their own, a smaller box is one line for all."""
    root = Path(__file__).resolve().parents[1] / "specs/examples"
    files = MemoryFiles({"shops.csv": (root / "shops.csv").read_bytes()})
    spec = (root / "store-edge.yaml").read_text()
    sides = [
        compile_spec(t.encode(), "spec.yaml", files).compilation for t in (spec, spec.replace("cores: 8", "cores: 6"))
    ]
    old, new = sides
    assert old is not None and new is not None
    for made in (plan(None, old, Against()), plan(old, new, Against("git", "main"))):
        alone = replace(made, stacks=tuple(replace(s, like="") for s in made.stacks))
        told = [(g.names, g.own_names, g.own_lines) for g in groups(made)]
        assert told == [(g.names, g.own_names, g.own_lines) for g in groups(alone)]
        assert max(len(names) for names, _, _ in told) == 6


def test_after_the_first_of_a_group_only_names_are_kept() -> None:
    """Two accounts, three layers, all new: the first three stacks keep what their nodes are made of. The other three
    say as much in every form, and hold what is equal as the same objects."""
    made = planned(text())
    review = Review((SpecReview("spec.yaml", made, (), {}, Report((), (), {})),))
    short = replace(made, stacks=tuple(in_short(marked(made.stacks))))
    in_brief = Review((SpecReview("spec.yaml", short, (), {}, Report((), (), {})),))
    for form in FORMATS:
        assert rendered(in_brief, form, Reading()) == rendered(review, form, Reading())
    for north, south in zip(*([s for s in short.stacks if s.target == t] for t in ("north", "south")), strict=True):
        assert north == next(s for s in made.stacks if s.name == north.name)
        kept = [[bool(node_of(r.edit).inputs) for step in s.steps for r in step.edits] for s in (north, south)]
        assert all(kept[0]) and not any(kept[1])
        assert all(a.findings is b.findings for a, b in zip(north.steps, south.steps, strict=True))
