"""`adopt: {NODE: {id: …, object: FILE}}`: the object as it is, from a file beside the spec."""

from __future__ import annotations

from pathlib import PurePosixPath

from specs.diagnostics import Diagnostic
from specs.facts_file import OUTSIDE, inside
from specs.files import Files
from specs.finding import finding
from specs.load import Case
from specs.manifest_files import Manifest, object_of, read_documents
from specs.tree import Path


def read_adopted(case: Case, files: Files, spec_file: str) -> tuple[dict[str, Manifest], tuple[Diagnostic, ...]]:
    """Return the recorded object of every adoption that names one, by node id, and what is wrong with the files."""
    objects: dict[str, Manifest] = {}
    found: list[Diagnostic] = []
    for node, adoption in case.spec.adopt.items():
        if adoption.object is None:
            continue
        path: Path = ("adopt", node, "object")
        data = files.read(adoption.object) if inside(adoption.object) else None
        if data is None:
            where, help = OUTSIDE, "put the file beside the spec"
            if inside(adoption.object):
                where = "is no file in the spec's folder, nor in one below it"
                help = "`kubectl get KIND NAME -n NAMESPACE -o yaml` prints an object as it is"
            found.append(finding(case, "facts-missing", path, f"`{adoption.object}` {where}", help=help))
            continue
        shown = str(PurePosixPath(spec_file).parent / adoption.object)
        trees, wrong = read_documents(data, shown)
        found.extend(wrong)
        if len(trees) != 1:
            if not wrong:
                message = f"`{adoption.object}` has {len(trees)} objects, and one is adopted"
                found.append(finding(case, "not-an-object", path, message, help="keep the one that is adopted"))
            continue
        read = object_of(trees[0], node, shown)
        if isinstance(read, Manifest):
            objects[node] = read
        else:
            found.append(read)
    return objects, tuple(found)
