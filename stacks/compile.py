"""The whole pipeline as one readable function: text → spec → platform → graphs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from typing import NamedTuple

from components.engine_options import with_engine_options
from components.graph import Graph
from components.invariants import broken
from components.lowering import layers, lower
from components.order import ordered
from components.patches import PatchFailed, apply_patch
from components.places import delivery, place
from components.resolve.platform import Edge, Explained, Extra, Platform
from components.resolve.resolve import resolve
from components.workloads.images import unpinned
from specs import __version__
from specs.adopted_objects import read_adopted
from specs.catalog.reader import EDITIONS, NEWEST, Edition, load_edition
from specs.checks import CHECKS, OF_OBJECTS, TOGETHER
from specs.checks.same_cluster import cluster
from specs.checks.secrets_in_clear import check_recorded
from specs.checks.stack_names import check_sites
from specs.checks.unused import check_models, check_pools
from specs.diagnostics import Diagnostic, Span, arrange, has_errors
from specs.facts_file import Facts, read_facts
from specs.files import Files, NoFiles
from specs.finding import finding, span_of
from specs.images_lock import Locked, read_lock
from specs.load import Case, Loaded, load
from specs.manifest_files import Manifest, read_manifests
from specs.model_numbers import ModelNumbers, read_models
from specs.price_sheet import Sheet
from specs.price_sheet_file import read_prices
from specs.schema.targets import EdgeTarget
from specs.sites import Site, clusters_twice, read_sites
from specs.suggest import did_you_mean
from stacks import adopt
from stacks.compilation import Compilation, CompiledStack, at_or_above, is_place_of_weights, stack_name
from stacks.cost.basis import NOTHING, Basis, basis_of, place_key
from stacks.own_objects import Made, Objects, Owned, owned, scaled_twice, taken_twice
from stacks.site_stacks import at_sites


@dataclass(frozen=True, slots=True)
class Selection:
    """Which stacks are asked for; an empty field selects all."""

    environment: str = ""
    target: str = ""
    layer: str = ""
    stack: str = ""
    site: str = ""

    def takes(self, stack: CompiledStack) -> bool:
        """Say whether the stack is selected."""
        return (
            self.environment in ("", stack.environment)
            and self.target in ("", stack.target)
            and self.layer in ("", stack.layer)
            and self.stack in ("", stack.name)
            and self.site in ("", stack.site)
        )


@dataclass(frozen=True, slots=True)
class Compiled:
    """What compiling a spec gives: the compilation unless there are errors, the diagnostics, the case of every stack,
    each environment's platforms, and what all of it was made from."""

    compilation: Compilation | None
    diagnostics: tuple[Diagnostic, ...]
    loaded: Loaded
    platforms: tuple[Platform, ...] = ()
    checked: Checked | None = None


def compile_spec(data: bytes, file: str, files: Files | None = None) -> Compiled:
    """Compile every stack of a spec. Pure: `files` gives the content of the files that the spec names.

    All problems of a stage are reported, then it stops.
    """
    checked = check_spec(data, file, files)
    if checked.edition is None:
        return Compiled(None, checked.found, checked.loaded)
    made = lowered(checked, range(len(checked.loaded.cases)))
    found = judged(checked, [made.findings])
    if has_errors(found):
        return Compiled(None, found, checked.loaded)
    name = checked.loaded.cases[0].spec.name
    compilation = Compilation(__version__, checked.edition.name, name, checked.digest, made.stacks, made.costs)
    return Compiled(compilation, found, checked.loaded, made.platforms, checked)


@dataclass(frozen=True, slots=True)
class Checked:
    """A spec that was read and checked, with the files beside it: all that stacks are made from.

    With errors `edition` is None, `found` is arranged, and there is nothing to lower.
    """

    loaded: Loaded
    found: tuple[Diagnostic, ...]
    edition: Edition | None = None
    read: tuple[_Read, ...] = ()
    digest: str = ""


def check_spec(data: bytes, file: str, files: Files | None = None) -> Checked:
    """Read a spec and check what can be said before its stacks are made."""
    beside = _Recorded(files or NoFiles())
    loaded = load(data, file)
    if has_errors(loaded.diagnostics) or not loaded.cases:
        return Checked(loaded, loaded.diagnostics)
    edition, unknown = _edition(loaded.cases[0])
    if edition is None:
        return Checked(loaded, arrange((*loaded.diagnostics, *unknown)))
    found = [
        *loaded.diagnostics,
        *(d for case in loaded.cases for check in CHECKS for d in check(case, edition)),
    ]
    read: list[_Read] = []
    for case in loaded.cases:
        manifests, problems = read_manifests(case, beside, file)
        facts, wrong = read_facts(case, beside, file)
        objects, lost = read_adopted(case, beside, file)
        models, unread = read_models(case, edition, beside, file)
        sites, astray = read_sites(case, beside, file)
        lock, unlocked = read_lock(case, beside, file)
        found.extend(unlocked)
        sheet, mispriced = read_prices(case, edition, beside, file)
        found.extend(mispriced)
        found.extend((*problems, *wrong, *lost, *unread, *astray, *check_sites(case, [s.name for s in sites])))
        found.extend(d for check in OF_OBJECTS for d in check(manifests))
        found.extend(check_recorded(objects.values()))
        read.append(_Read(manifests, facts, objects, models, sites, lock, sheet))
    with_facts = tuple((case, r.facts) for case, r in zip(loaded.cases, read, strict=True))
    found.extend(d for together in TOGETHER for d in together(with_facts))
    found.extend(clusters_twice((case, r.sites) for case, r in zip(loaded.cases, read, strict=True)))
    if has_errors(found):
        return Checked(loaded, arrange(found))
    found.extend(check_models(loaded.cases))
    digest = sha256(b"\0".join([data, *(name.encode() + b"\0" + text for name, text in sorted(beside.seen.items()))]))
    return Checked(loaded, tuple(found), edition, tuple(read), digest.hexdigest())


@dataclass(frozen=True, slots=True)
class Findings:
    """What lowering some cases found, and what has to be known of them to judge all cases together.

    `misfits` are those of cloud and on-prem targets and those of edge targets. `effective` are the places of patches
    that changed something, `ids` the nodes that are there, if a patch or an adoption names any; `objects` are those of
    each case by its position, if the spec has manifests of its own. `complete`: each case has its nodes, since nothing
    that is wrong with it kept them from being made.
    """

    misfits: tuple[tuple[Diagnostic, ...], tuple[Diagnostic, ...]]
    found: tuple[Diagnostic, ...]
    effective: frozenset[Span]
    ids: frozenset[str]
    objects: tuple[tuple[int, tuple[Owned, ...]], ...]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Lowered:
    """The stacks of some cases; `costs` as in `Compilation`."""

    stacks: tuple[CompiledStack, ...]
    platforms: tuple[Platform, ...]
    findings: Findings
    costs: Mapping[str, Basis] = field(default_factory=dict)


def lowered(checked: Checked, positions: Sequence[int]) -> Lowered:
    """Return the stacks of the cases at these positions, in their order; no other case has any effect on them."""
    assert checked.edition is not None
    cases = checked.loaded.cases
    found: list[Diagnostic] = []
    stacks: list[CompiledStack] = []
    objects: list[tuple[int, tuple[Owned, ...]]] = []
    effective: set[Span] = set()
    costs: dict[str, Basis] = {}
    platforms, misfits = _platforms(cases, checked.edition, checked.read, positions)
    with_objects = any(r.manifests for r in checked.read)
    for position in positions:
        case, one = cases[position], checked.read[position]
        found.extend(check_pools(case, checked.edition, one.manifests))
        platform = platforms.get((case.environment, case.target))
        if platform is None:
            continue
        if one.lock is not None:
            found.extend(unpinned(case, platform))
        basis = basis_of(platform, one.prices)
        if basis != NOTHING:
            costs[place_key(case.environment, case.target)] = basis
        platform = replace(platform, extras=tuple(_extra(platform, m) for m in one.manifests))
        made, wrong_patches, changed = _lower(case, platform, one.objects)
        found.extend(wrong_patches)
        effective |= changed
        if with_objects:
            objects.append((position, tuple(owned(made))))
        stacks.extend(
            at_sites(platform, made, one.sites, partial(_finished, case, one.objects, platform.namespace))
            if one.sites
            else made
        )
        found.extend(scaled_twice(Made(case, made, one.manifests, platform.namespace)))
    names_nodes = any(case.spec.patches or case.spec.adopt for case in cases)
    ids = frozenset(n.id for s in stacks for n in s.graph.nodes) if names_nodes else frozenset()
    complete = len(platforms) == len(positions)
    findings = Findings(misfits, tuple(found), frozenset(effective), ids, tuple(objects), complete)
    return Lowered(tuple(stacks), tuple(platforms.values()), findings, costs)


def judged(checked: Checked, parts: Sequence[Findings]) -> tuple[Diagnostic, ...]:
    """Return all that was found: before the stacks were made, in each part of them, and of all together.

    The parts are in the order of their cases.
    """
    cases = checked.loaded.cases
    found = [*checked.found]
    for edge in (0, 1):
        found.extend(d for part in parts for d in part.misfits[edge])
    found.extend(d for part in parts for d in part.found)
    everywhere = (
        Objects(cases[position], cluster(cases[position], checked.read[position].facts), objects)
        for part in parts
        for position, objects in part.objects
    )
    found.extend(taken_twice(everywhere))
    if all(part.complete for part in parts):  # else a patch may be of a node that was not made
        ids = frozenset[str]().union(*(part.ids for part in parts))
        found.extend(_idle(cases, frozenset[Span]().union(*(part.effective for part in parts)), ids))
        found.extend(adopt.unknown(cases, ids))
    return arrange(found)


class _Read(NamedTuple):
    """What the files beside the spec say for one case."""

    manifests: tuple[Manifest, ...]
    facts: Facts | None
    objects: dict[str, Manifest]
    models: Mapping[str, ModelNumbers]
    sites: tuple[Site, ...]
    lock: Mapping[str, Locked] | None
    prices: Sheet | None


def _platforms(
    cases: Sequence[Case], edition: Edition, read: Sequence[_Read], positions: Sequence[int]
) -> tuple[dict[tuple[str, str], Platform], tuple[tuple[Diagnostic, ...], tuple[Diagnostic, ...]]]:
    """Return the platforms of some cases by environment and target, and why some cannot be: those of other targets
    than edge targets first.

    An upstream comes before its sites; one that is not among these cases is worked out for them alone.
    """
    places = {(case.environment, case.target): position for position, case in enumerate(cases)}
    made: dict[tuple[str, str], Platform] = {}
    upstreams: dict[tuple[str, str], Platform | None] = {}
    found: tuple[list[Diagnostic], list[Diagnostic]] = ([], [])
    for edge in (False, True):
        for position in positions:
            case, one = cases[position], read[position]
            target = case.spec.targets[case.target]
            if isinstance(target, EdgeTarget) is not edge:
                continue
            upstream = None
            if isinstance(target, EdgeTarget):
                above = (case.environment, target.upstream or "")
                if above not in upstreams:
                    other = places.get(above)
                    if above in made or other is None or other in positions:
                        upstreams[above] = made.get(above)
                    else:
                        r = read[other]
                        upstreams[above], _ = resolve(
                            cases[other], edition, r.facts, r.models, r.sites[:1], None, r.lock
                        )
                upstream = upstreams[above]
            platform, misfits = resolve(case, edition, one.facts, one.models, one.sites[:1], upstream, one.lock)
            found[edge].extend(misfits)
            if platform is not None:
                made[case.environment, case.target] = platform
    return made, (tuple(found[0]), tuple(found[1]))


class _Recorded:
    """Files that remember what was read, for the spec's digest."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self.seen: dict[str, bytes] = {}

    def read(self, name: str) -> bytes | None:
        data = self._files.read(name)
        if data is not None:
            self.seen[name] = data
        return data

    def names(self, folder: str) -> tuple[str, ...] | None:
        return self._files.names(folder)


def _edition(case: Case) -> tuple[Edition | None, tuple[Diagnostic, ...]]:
    name = case.spec.edition or NEWEST
    if name in EDITIONS:
        return load_edition(name), ()
    return None, (
        finding(
            case,
            "unknown-edition",
            ("edition",),
            f"this version of llmform has no edition `{name[:100]}`",
            help=did_you_mean(name, EDITIONS, "editions"),
        ),
    )


def _extra(platform: Platform, manifest: Manifest) -> Extra:
    """Return the object with the workloads' namespace filled in where it has none and needs one."""
    content = dict(manifest.content)
    if manifest.namespaced and not content["metadata"].get("namespace"):
        content["metadata"] = {**content["metadata"], "namespace": platform.namespace}
    return Extra(manifest.group, content, manifest.source)


def _lower(
    case: Case, platform: Platform, objects: Mapping[str, Manifest]
) -> tuple[list[CompiledStack], list[Diagnostic], set[Span]]:
    """Return the platform's stacks with the patches applied, what is wrong, and which patches changed something."""
    stacks: list[CompiledStack] = []
    found: list[Diagnostic] = []
    effective: set[Span] = set()
    for layer in layers(platform):
        site = platform.target.site if isinstance(platform.target, Edge) else ""
        name = stack_name(platform.spec, platform.environment, platform.target.name, site, layer)
        graph, changed, problems = _finished(case, objects, platform.namespace, lower(platform, layer, name))
        effective |= changed
        found.extend(problems)
        found.extend(_unsound(case, graph))
        values = _values_of(platform.values, graph)
        stacks.append(
            CompiledStack(
                platform.spec,
                platform.environment,
                platform.target.name,
                layer,
                place(platform, layer),
                values,
                graph,
                delivery(platform, layer),
                site,
            )
        )
    return stacks, found, effective


def _finished(
    case: Case, objects: Mapping[str, Manifest], namespace: str, graph: Graph
) -> tuple[Graph, set[Span], tuple[Diagnostic, ...]]:
    """Return a lowered graph with its patches, engine options and adoptions; which patches changed something, and
    what is wrong."""
    graph, changed, problems = _patched(case, graph)
    graph, refused = adopt.adopted(case, with_engine_options(graph), objects, namespace)
    return graph, changed, (*problems, *refused)


def _patched(case: Case, graph: Graph) -> tuple[Graph, set[Span], list[Diagnostic]]:
    """Return the graph with the patches applied, the places of those that changed something, and what is wrong."""
    nodes = list(graph.nodes)
    places = {n.id: place for place, n in enumerate(nodes)}
    components = {c.id: c for c in graph.components}
    effective: set[Span] = set()
    found: list[Diagnostic] = []
    for position, patch in enumerate(case.spec.patches):
        if patch.match not in places:
            continue
        node = nodes[places[patch.match]]
        patched = components[node.component]
        components[patched.id] = replace(patched, reads=(*patched.reads, f"patches[{position}]"))
        try:
            after = apply_patch(node, patch)
            if after != node:
                effective.add(span_of(case, ("patches", position)))
            nodes[places[patch.match]] = after
        except PatchFailed as error:
            effective.add(span_of(case, ("patches", position)))
            found.append(_failed(case, position, f"the patch of `{patch.match}` does not apply: {error}"))
    return replace(graph, components=tuple(components.values()), nodes=ordered(nodes)), effective, found


def _failed(case: Case, position: int, message: str) -> Diagnostic:
    key = "merge" if case.spec.patches[position].merge is not None else "json"
    help = "`llmform graph SPEC --stack STACK` shows the node as it is"
    return finding(case, "patch-failed", ("patches", position, key), message, help=help, key=True)


def _idle(cases: Iterable[Case], effective: Set[Span], known: Set[str]) -> Iterator[Diagnostic]:
    """Yield patches that match no node of any stack or change nothing anywhere; one environment is enough."""
    for case in cases:
        for position, patch in enumerate(case.spec.patches):
            if patch.match not in known:
                yield finding(
                    case,
                    "patch-without-match",
                    ("patches", position, "match"),
                    f"no node has the id `{patch.match[:200]}`",
                    help=f"{did_you_mean(patch.match, known, 'ids')} `llmform graph SPEC --tree` shows all ids",
                )
            elif span_of(case, ("patches", position)) not in effective:
                yield _failed(
                    case, position, f"the patch of `{patch.match}` changes nothing: the node has these values already"
                )


_OTHER_NAME = "an adopted name is the name of one node: adopt what has another one"


def _unsound(case: Case, graph: Graph) -> Iterator[Diagnostic]:
    """Yield broken invariants that the user's manifests and patches brought in; any other is a bug of ours."""
    # two nodes that are one have the same id, the same URN and the same object: the last says most
    problems = {(p.rule, p.subject): p for p in broken(graph)}
    for problem in problems.values():
        patches = [n for n, p in enumerate(case.spec.patches) if p.match == problem.subject or p.match in problem.text]
        if problem.origin.startswith("manifests."):
            section, _, name = problem.origin.partition(".")
            unique = problem.rule == "unique"
            yield finding(
                case,
                "manifest-conflict" if unique else "bad-name",
                (section, name),
                f"`{problem.subject}` is {problem.text}" if unique else problem.text,
                help="give it another name, or leave it out" if unique else f"it is in a file of `{problem.origin}`",
                key=True,
            )
        elif patches:
            message = f"the patch of `{case.spec.patches[patches[-1]].match}` breaks the graph: {problem.text}"
            yield _failed(case, patches[-1], message)
        elif case.spec.adopt and problem.rule == "unique":
            named = [n for n in case.spec.adopt if n in (problem.subject, *problem.text.split("`"))]
            place = ("adopt", *named[:1])
            yield finding(case, "adoption-differs", place, f"`{problem.subject}` is {problem.text}", help=_OTHER_NAME)
        else:
            raise AssertionError(f"the graph of {graph.stack} is not sound: {problem.text}")


_READ_BY_ALL = frozenset({"patches", "manifests", "edition", "labels", "owner", "policies", "moved"})


def _values_of(values: Mapping[str, Explained], graph: Graph) -> dict[str, Explained]:
    """Return the decided values that can have changed this graph: those below a path that one of its components
    reads, and where each model's weights are, which says why something is not there."""
    read = {p for c in graph.components for p in (*c.reads, c.origin)} | _READ_BY_ALL
    return {
        path: e for path, e in values.items() if is_place_of_weights(path) or not read.isdisjoint(at_or_above(path))
    }


def select(compilation: Compilation, selection: Selection) -> Compilation:
    """Return the compilation with only the selected stacks."""
    return replace(compilation, stacks=tuple(s for s in compilation.stacks if selection.takes(s)))


def case_of(loaded: Loaded, environment: str, target: str) -> Case | None:
    """Return the case of an environment and target."""
    return next((c for c in loaded.cases if c.target == target and c.environment == environment), None)
