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
from stacks.cli.plan import extras
from stacks.compile import Checked, Selection, check_spec
from stacks.files import DiskFiles
from stacks.fleet import Both, Question, Reviewed, joined, part, places
from stacks.render.reviews import FORMATS, rendered
from stacks.review import Reading, Review
from stacks.steps import Against

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


def _checked(text: str) -> Checked:
    return check_spec(text.encode(), EXAMPLE.name, DiskFiles(EXAMPLE.parent))


def page() -> str:
    """Return the page of the guide's change."""
    text = EXAMPLE.read_text(encoding="utf-8")
    before = _checked(text)
    for old, new in EDITS:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    both = Both(EXAMPLE.name, _checked(text), before, Against("git", "main (4f21c0e)"))
    found = joined(both, [part(both, places(both), Question(Selection(), DAY, extras(FORMATS["html"])))])
    assert isinstance(found, Reviewed)
    return rendered(Review((found.review,)), "html", Reading())


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
