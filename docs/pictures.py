"""The pictures of the docs: `python -m docs.pictures` takes them of the real pages, in a headless Chromium.

A test says whether what they show is current: beside each picture is the digest of the page that it was taken of.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from specs import __version__
from stacks.cli.init import starter
from stacks.cli.plan import extras
from stacks.compare import compare
from stacks.compile import Checked, Selection, check_spec, compile_spec
from stacks.files import DiskFiles
from stacks.fleet import Both, Question, Reviewed, joined, part, places
from stacks.render import comparisons
from stacks.render.reviews import FORMATS, rendered
from stacks.review import Reading, Review
from stacks.steps import Against

HERE = Path(__file__).parent / "pictures"
GUIDES = Path(__file__).parent / "guides"
EXAMPLES = Path(__file__).parent.parent / "specs" / "examples"

DAY = "2026-11-21"

Edit = tuple[str, str]
"""What stands in a spec, and what a guide puts in its place."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture: its name, the guide that shows it, what the guide edits, the page, and what of the page is shown.

    `height` is in CSS pixels of a window 1,200 wide; 0 shows the whole page.
    """

    name: str
    guide: str
    edits: tuple[Edit, ...]
    page: Callable[[], str]
    height: int = 0

    @property
    def digest(self) -> str:
        """The digest of the page; the version alone makes no other picture."""
        return sha256(self.page().replace(f"llmform {__version__}", "llmform").encode()).hexdigest() + "\n"


def _edited(text: str, edits: tuple[Edit, ...]) -> str:
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def _review(name: str, text: str, edits: tuple[Edit, ...]) -> str:
    """Return the page of a change of a spec."""

    def checked(text: str) -> Checked:
        return check_spec(text.encode(), name, DiskFiles(EXAMPLES))

    both = Both(name, checked(_edited(text, edits)), checked(text), Against("git", "main (4f21c0e)"))
    found = joined(both, [part(both, places(both), Question(Selection(), DAY, extras(FORMATS["html"])))])
    assert isinstance(found, Reviewed)
    return rendered(Review((found.review,)), "html", Reading())


_READ: tuple[Edit, ...] = (
    ("    max: 4\n", "    max: 6\n"),
    (
        "    args: {max-num-seqs: 64, enable-prefix-caching: true}\n",
        "    args: {max-num-seqs: 128, enable-prefix-caching: true}\n",
    ),
)

_RULES = """\
review:
  restarts: {risk: rolling, approvals: 1}
  losses: {risk: destructive, labels: [approved-destructive], approvals: 2}

"""
_PULLED: tuple[Edit, ...] = (
    (
        "    # args: {max-num-seqs: 64}   # arguments of `vllm serve`, checked against the pinned version\n",
        "    args: {max-num-seqs: 64}     # arguments of `vllm serve`, checked against the pinned version\n",
    ),
    ("  restarts: {risk: rolling, approvals: 1}\n", ""),
)


def _pull_request() -> str:
    return _review("spec.yaml", starter().replace("models:\n", f"{_RULES}models:\n", 1), _PULLED)


def _environments() -> str:
    _, _, rest = (GUIDES / "compare-environments.md").read_text(encoding="utf-8").partition('title="spec.yaml"\n')
    compiled = compile_spec(rest.partition("```")[0].encode(), "spec.yaml", DiskFiles(EXAMPLES))
    return comparisons.rendered(compare(compiled, "staging", "prod", "", ""), "html", Reading())


SHOTS: tuple[Shot, ...] = (
    Shot(
        "review",
        "read-a-plan.md",
        _READ,
        lambda: _review("environments.yaml", (EXAMPLES / "environments.yaml").read_text(encoding="utf-8"), _READ),
        height=1180,
    ),
    Shot("pull-request", "review-a-pull-request.md", _PULLED, _pull_request),
    Shot("diff", "compare-environments.md", (), _environments, height=1500),
)


def take() -> None:
    """Take the pictures; Chromium and Playwright have to be there."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium")
    if program is None:
        sys.exit("docs.pictures: Chromium is missing")
    HERE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        for shot in SHOTS:
            file = Path(folder) / f"{shot.name}.html"
            file.write_text(shot.page(), encoding="utf-8")
            shown = browser.new_page(viewport={"width": 1200, "height": shot.height or 900}, color_scheme="light")
            shown.goto(file.as_uri())
            shown.screenshot(path=str(HERE / f"{shot.name}.png"), full_page=not shot.height)
            (HERE / f"{shot.name}.sha256").write_text(shot.digest)
        browser.close()


if __name__ == "__main__":
    take()
