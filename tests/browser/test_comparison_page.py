"""Two environments side by side as a page, in a real browser.

    comparison/spec.yaml   staging and prod: prod lacks a store, has one of its own, and a server differs
    comparison/page.txt    what the page shows, unfolded, without its script

`pytest tests/browser --accept` rewrites the last one.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.browser.opened import opened
from tests.browser.test_pages import shown, without_commit
from tests.case_runner import compare, run

CASE = Path(__file__).parent / "comparison"
DIFF = ["diff", "spec.yaml", "--from", "staging", "--to", "prod", "--format", "html"]

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the page."""
    folder = tmp_path_factory.mktemp("comparison")
    (folder / "spec.yaml").write_bytes((CASE / "spec.yaml").read_bytes())
    assert run([*DIFF, "-o", "d.html"], folder) == (0, "", "")
    return folder / "d.html"


def test_page(page: Path, chromium: Any, accept: bool) -> None:
    """Without JavaScript everything can be read, and it is what `page.txt` says."""
    with opened(chromium, page, java_script_enabled=False) as one:
        for closed in one.page.locator("details:not([open]) > summary").all():
            if closed.is_visible():
                closed.click()
        text = one.page.locator("main").inner_text()
    compare(CASE / "page.txt", without_commit(re.sub(r"[ \t]+\n", "\n", text)) + "\n", accept)


def test_anybody_can_read_it(page: Path, chromium: Any, axe: str) -> None:
    """No error, no request, nothing wider than the window, and nothing that axe-core finds, light and dark, on a phone
    and on a desk."""
    with opened(chromium, page) as one:
        one.page.evaluate(axe)
        one.page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
        for width in (360, 1440):
            one.page.set_viewport_size({"width": width, "height": 900})
            assert one.overflow <= 0
            for theme in ("light", "dark"):
                one.page.emulate_media(color_scheme=theme)
                found = one.page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
                assert [(width, theme, v["id"], v["nodes"][0]["html"][:200]) for v in found] == []


def test_filters_and_search(page: Path, chromium: Any) -> None:
    """Of 6 differences prod lacks one, a store, and has another store of its own; the server's is found by the name of
    an argument; what two places must differ in is folded at first."""
    with opened(chromium, page) as one:
        assert shown(one) == "6 differences of 6, 2 stacks of 2"
        kinds = one.page.get_by_label("Difference", exact=True)
        assert kinds.locator("option").all_inner_texts() == [
            "all", "prod lacks", "differs", "only prod has", "differs as the places do",
        ]  # fmt: skip
        for words in ("prod lacks", "only prod has"):
            kinds.select_option(label=words)
            assert shown(one) == "1 difference of 6, 1 stack of 2"
        kinds.select_option(label="differs as the places do")
        assert one.visible(".change > details:not([open])") == one.visible(".change")
        kinds.select_option(label="all")
        one.page.get_by_label("Search").fill("max-num-seqs")
        assert shown(one) == "1 difference of 6, 2 stacks of 2"
        assert one.page.locator(".change:visible h3").inner_text() == "serving.chat"
