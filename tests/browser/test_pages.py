"""Reviews as their readers open them: six kinds of change as a comment and as a page, in a real browser.

    cases/<kind>/before/spec.yaml   the spec as it was
    cases/<kind>/spec.yaml          as it is now
    cases/<kind>/comment.md         the comment
    cases/<kind>/page.txt           what the page shows, unfolded, without its script

`pytest tests/browser --accept` rewrites the last two.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from specs import __version__
from tests.browser.opened import Opened, opened
from tests.case_runner import COMMIT, compare, copied, run

CASES = Path(__file__).parent / "cases"
KINDS = ("nothing", "in-place", "rolling", "replacing", "destructive", "failing-policy")
LINKS = "https://github.com/acme/platform/blob/4f21c0e0a9b7"

pytestmark = pytest.mark.real


def test_every_kind_has_a_case() -> None:
    """The six kinds of change, and no folder that no test reads."""
    assert {p.name for p in CASES.iterdir()} == set(KINDS)


def without_commit(text: str) -> str:
    """Return the text without what differs from run to run: the commit and the version."""
    text = re.sub(r"HEAD (\(|&#40;)[0-9a-f]{7}", rf"HEAD \g<1>{COMMIT}", text)
    return text.replace(f"llmform {__version__}", "llmform VERSION")


@pytest.mark.parametrize("kind", KINDS)
def test_comment(kind: str, tmp_path: Path, accept: bool) -> None:
    """The comment is what `comment.md` says, and the exit status tells whether something has to be mended."""
    folder = copied(CASES / kind, tmp_path / "case")
    words = ["plan", "spec.yaml", "--against", "git:HEAD", "--format", "markdown", "--link-base", LINKS]
    status, text, said = run(words, folder)
    assert (status, said) == (1 if kind == "failing-policy" else 0, "")
    compare(CASES / kind / "comment.md", without_commit(text), accept)


@cache
def page_of(kind: str, folder: Path) -> Path:
    """Return the file of a kind's page."""
    case = copied(CASES / kind, folder / kind)
    status, out, said = run(["plan", "spec.yaml", "--against", "git:HEAD", "--format", "html", "-o", "r.html"], case)
    assert (status, out, said) == (1 if kind == "failing-policy" else 0, "", "")
    return case / "r.html"


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the pages are made in, once for all tests."""
    return tmp_path_factory.mktemp("pages")


@pytest.mark.parametrize("kind", KINDS)
def test_page(kind: str, pages: Path, chromium: Any, accept: bool) -> None:
    """Without JavaScript everything can be read, and it is what `page.txt` says."""
    with opened(chromium, page_of(kind, pages), java_script_enabled=False) as one:
        # everything unfolded, as a reader without script does it by hand
        for closed in one.page.locator("details:not([open]) > summary").all():
            if closed.is_visible():
                closed.click()
        text = one.page.locator("main").inner_text()
    compare(CASES / kind / "page.txt", without_commit(re.sub(r"[ \t]+\n", "\n", text)) + "\n", accept)


@pytest.mark.parametrize("kind", KINDS)
def test_anybody_can_read_it(kind: str, pages: Path, chromium: Any, axe: str) -> None:
    """No error, no request, nothing wider than the window, and nothing that axe-core finds, light and dark, on a phone
    and on a desk."""
    with opened(chromium, page_of(kind, pages)) as one:
        page = one.page
        page.evaluate(axe)
        for width in (360, 1440):
            page.set_viewport_size({"width": width, "height": 900})
            assert one.overflow <= 0
            page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
            assert one.overflow <= 0
            for theme in ("light", "dark"):
                page.emulate_media(color_scheme=theme)
                found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
                assert [(width, theme, v["id"], v["nodes"][0]["html"][:200]) for v in found] == []


def shown(one: Opened) -> str:
    """Return what the page says on how much it shows."""
    text: str = one.page.locator("#count").inner_text()
    return text


def test_filters_and_search(pages: Path, chromium: Any) -> None:
    """The destructive change: 3 changes of 2 stacks each; what a filter leaves is counted aloud."""
    with opened(chromium, page_of("destructive", pages)) as one:
        page = one.page
        assert one.visible(".change") == 3
        assert shown(one) == "3 changes of 3, 2 stacks of 2"
        assert page.locator("#count").get_attribute("aria-live") == "polite"
        page.get_by_label("Risk").select_option("none")
        assert (one.visible(".change"), shown(one)) == (1, "1 change of 3, 0 stacks of 2")
        page.get_by_role("button", name="Clear", exact=True).click()
        one.until(lambda: shown(one).startswith("3"))
        page.get_by_label("Environment", exact=True).select_option("prod")
        assert shown(one) == "3 changes of 3, 1 stack of 2"
        page.get_by_label("Environment", exact=True).select_option("")
        page.keyboard.press("Escape")
        page.locator("body").click(position={"x": 2, "y": 2})
        page.keyboard.press("/")  # leads to the search
        page.keyboard.type("stores.documents BUCKET")
        assert one.visible(".change") == len(
            [c for c in page.locator(".change").all() if "bucket" in c.text_content().lower()
             and "stores.documents" in c.text_content()]
        )  # fmt: skip
        page.get_by_label("Search").fill("no such thing")
        assert one.visible(".change") == 0
        page.get_by_role("button", name="Clear the filters").click()
        one.until(lambda: shown(one).startswith("3"))
        assert page.evaluate("document.activeElement.id") == "search"


def test_folding_by_click_and_by_key(pages: Path, chromium: Any) -> None:
    """A change folds by a click and by the space bar; one button folds and unfolds all."""
    with opened(chromium, page_of("rolling", pages)) as one:
        page = one.page
        first = page.locator(".change > details").first
        assert first.get_attribute("open") is not None
        summary = first.locator("> summary")
        summary.click()
        assert first.get_attribute("open") is None
        summary.focus()
        page.keyboard.press("Space")
        assert first.get_attribute("open") is not None
        page.get_by_role("button", name="Fold all").click()
        assert page.locator(".change > details[open]").count() == 0
        page.get_by_role("button", name="Unfold all").click()
        assert page.locator(".change > details:not([open])").count() == 0


def test_the_graph_moves_by_mouse_keys_and_buttons(pages: Path, chromium: Any) -> None:
    """Dragging and arrow keys move the picture, plus and minus and the buttons zoom it, 0 fits it."""
    with opened(chromium, page_of("rolling", pages)) as one:
        page = one.page
        view = page.locator(".view:visible")

        def place() -> tuple[float, float, float]:
            x, y, scale = page.evaluate(
                "(() => { const m = new DOMMatrix(document.querySelector('.graph:not([hidden]) .canvas')"
                ".style.transform); return [m.e, m.f, m.a]; })()"
            )
            return x, y, scale

        view.scroll_into_view_if_needed()
        start = place()
        view.focus()
        page.keyboard.press("ArrowRight")
        assert place()[0] < start[0]
        page.keyboard.press("ArrowLeft")
        assert place() == pytest.approx(start)
        page.keyboard.press("+")
        assert place()[2] == pytest.approx(start[2] * 1.25)
        page.keyboard.press("-")
        assert place()[2] == pytest.approx(start[2])
        page.get_by_role("button", name="Zoom in").locator("visible=true").click()
        assert place()[2] == pytest.approx(start[2] * 1.25)
        box = view.bounding_box()
        before = place()
        page.mouse.move(box["x"] + 200, box["y"] + 60)
        page.mouse.down()
        page.mouse.move(box["x"] + 150, box["y"] + 60)
        page.mouse.up()
        assert place()[0] == pytest.approx(before[0] - 50)
        page.keyboard.down("Control")
        page.mouse.wheel(0, 100)
        page.keyboard.up("Control")
        one.until(lambda: place()[2] < before[2])
        page.get_by_role("button", name="Fit").locator("visible=true").click()
        assert place()[2] <= 1


def test_the_picture_of_another_stack(tmp_path: Path, chromium: Any) -> None:
    """Where several stacks change, one picture is shown, and another one is chosen by the stack's name."""
    case = copied(CASES / "in-place", tmp_path / "case")
    status, _, _ = run(["plan", "spec.yaml", "--environment", "prod", "--format", "html", "-o", "r.html"], case)
    assert status == 0
    with opened(chromium, case / "r.html") as one:
        choice = one.page.get_by_label("Stack", exact=True)
        layers = [name.rpartition(".")[2] for name in choice.locator("option").all_inner_texts()]
        assert layers == ["foundation", "platform", "workloads"]
        for index, layer in enumerate(layers):
            choice.select_option(index=index)
            assert one.visible("figure.graph") == 1
            shown = one.page.locator("figure.graph:visible")
            assert shown.locator("figcaption").inner_text() == f"hello.prod.us-east-1.{layer}"
            assert shown.locator("svg").get_attribute("class") == "llmform-picture"


def test_the_theme_can_be_switched(pages: Path, chromium: Any, axe: str) -> None:
    """The page follows the system until its reader chooses; what is chosen is as readable as what is given."""
    with opened(chromium, page_of("rolling", pages), theme="dark") as one:
        page = one.page

        def ground() -> str:
            colour: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
            return colour

        dark = ground()
        button = page.get_by_role("button", name="Theme")
        button.click()
        assert button.inner_text() == "Theme: light" and ground() != dark
        page.evaluate(axe)
        assert page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"] == []
        button.click()
        assert button.inner_text() == "Theme: dark" and ground() == dark


def test_every_control_is_reached_by_the_tab_key(pages: Path, chromium: Any) -> None:
    """The first stop skips to the changes, and what has the focus shows it."""
    with opened(chromium, page_of("in-place", pages)) as one:
        page = one.page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the changes"
        reached = set()
        for _ in range(60):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.id || document.activeElement.className"))
            assert page.evaluate(
                "document.activeElement === document.body || getComputedStyle(document.activeElement).outlineStyle"
            ) in (True, "solid", "auto")
        assert {"theme", "search", "unfold", "view moves"} <= reached


def test_paper_shows_what_is_folded(pages: Path, chromium: Any) -> None:
    """Printed, the controls are gone and every change is unfolded."""
    with opened(chromium, page_of("rolling", pages)) as one:
        page = one.page
        page.get_by_role("button", name="Fold all").click()
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.emulate_media(media="print")
        assert one.visible("#filters") == 0 and one.visible(".tools") == 0
        assert one.visible("table.diff") == page.locator("table.diff").count() > 0
