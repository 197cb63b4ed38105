"""The pictures of the docs: `python -m docs.pictures` takes them of the real page, in a headless Chromium.

A test says whether what they show is current: `review.sha256` is of the page that the picture was taken of.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

from specs import __version__
from stacks.cli.report import with_pictures
from stacks.compile import Compiled, compile_spec
from stacks.files import DiskFiles
from stacks.plan import Against, plan
from stacks.policy_report import report
from stacks.render.reviews import rendered
from stacks.review import Reading, Review, SpecReview

HERE = Path(__file__).parent / "pictures"
EXAMPLE = Path(__file__).parent.parent / "specs" / "examples" / "environments.yaml"

EDITS = (
    ("    max: 4\n", "    max: 6\n"),
    (
        "    args: {max-num-seqs: 64, enable-prefix-caching: true}\n",
        "    args: {max-num-seqs: 128, enable-prefix-caching: true}\n",
    ),
)
"""What the guide changes in the example, and the picture shows."""

DAY = "2026-11-21"


def _compiled(text: str) -> Compiled:
    return compile_spec(text.encode(), EXAMPLE.name, DiskFiles(EXAMPLE.parent))


def page() -> str:
    """Return the page of the guide's change."""
    text = EXAMPLE.read_text(encoding="utf-8")
    before = _compiled(text).compilation
    for old, new in EDITS:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    after = _compiled(text)
    assert before is not None and after.compilation is not None
    made = plan(before, after.compilation, Against("git", "main (4f21c0e)"))
    own = SpecReview(EXAMPLE.name, made, after.diagnostics, {}, report(after.compilation, after.loaded, DAY))
    own = with_pictures(own, before, after.compilation, after.platforms)
    return rendered(Review((own,)), "html", Reading())


def digest() -> str:
    """Return the digest of the page that the picture shows; the version alone makes no other picture."""
    return sha256(page().replace(f"llmform {__version__}", "llmform").encode()).hexdigest() + "\n"


def take() -> None:
    """Take the pictures; Chromium and Playwright have to be there."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium")
    if program is None:
        sys.exit("docs.pictures: Chromium is missing")
    HERE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        file = Path(folder) / "review.html"
        file.write_text(page(), encoding="utf-8")
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        shown = browser.new_page(viewport={"width": 1200, "height": 1180}, color_scheme="light")
        shown.goto(file.as_uri())
        shown.screenshot(path=str(HERE / "review.png"))
        browser.close()
    (HERE / "review.sha256").write_text(digest())


if __name__ == "__main__":
    take()
