"""The page of a hostile spec in a real browser: nothing of the spec runs, and none of its texts is an element."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.browser.opened import opened
from tests.case_runner import run
from tests.hostile.corpus import TEXTS, write

pytestmark = pytest.mark.real

ELEMENTS = (
    "new Set([...document.querySelectorAll('*')].map(e => e.localName).filter(n => ["
    "'img', 'iframe', 'object', 'embed', 'link', 'base', 'video', 'audio', 'u', 'foreignobject', 'animate'"
    "].includes(n))).size + document.querySelectorAll('script, style').length - 2"
)
"""How many elements there are that the page itself does not have."""


@pytest.mark.parametrize("text", [name for name in TEXTS if name not in ("surrogate", "a megabyte")])
def test_nothing_of_the_spec_runs(text: str, tmp_path: Path, chromium: Any) -> None:
    """No script, dialog, request (`opened` watches) or attribute that listens; the page works as any other."""
    write(tmp_path, "harmless")
    assert run(["compile", "spec.yaml", "-o", "before.json"], tmp_path)[0] == 0
    write(tmp_path, TEXTS[text])
    words = ["plan", "spec.yaml", "--against", "file:before.json", "--format", "html", "-o", "r.html"]
    assert run(words, tmp_path)[0] == 0
    with opened(chromium, tmp_path / "r.html") as one:
        page = one.page
        page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
        page.mouse.move(300, 300)
        page.mouse.move(400, 600)
        page.get_by_label("Search").fill("chat")
        assert one.visible(".change") > 0
        assert page.evaluate("window.__pwned") is None
        assert page.evaluate(ELEMENTS) == 0
        listening = "[...document.querySelectorAll('*')].some(e => e.getAttributeNames().some(a => a.startsWith('on')))"
        assert page.evaluate(listening) is False
        assert one.overflow <= 0
        if len(TEXTS[text]) < 300 and TEXTS[text].isprintable():  # and the text itself can be read
            assert json.dumps(TEXTS[text])[1:40] in page.locator("#changes").text_content()


@pytest.mark.parametrize("text", [name for name in TEXTS if name not in ("surrogate", "a megabyte")])
def test_nothing_of_the_spec_runs_in_a_picture(text: str, tmp_path: Path, chromium: Any) -> None:
    """The picture of a change opened by itself: no script, dialog or request, and no element but shapes and text."""
    write(tmp_path, "harmless")
    assert run(["compile", "spec.yaml", "-o", "before.json"], tmp_path)[0] == 0
    write(tmp_path, TEXTS[text])
    asked = ["graph", "spec.yaml", "--layer", "workloads", "--against", "file:before.json"]
    status, _, err = run([*asked, "--format", "svg", "-o", "p.svg"], tmp_path)
    assert status == 0, err
    with opened(chromium, tmp_path / "p.svg") as one:
        assert one.page.evaluate("window.__pwned") is None
        kinds = set(one.page.evaluate("[...document.querySelectorAll('*')].map(e => e.localName)"))
        assert kinds <= {"svg", "title", "desc", "style", "path", "g", "rect", "text", "tspan"}, kinds
        assert "serving.chat" in one.page.evaluate("document.documentElement.textContent")


def test_a_script_that_got_in_would_not_run(tmp_path: Path, chromium: Any) -> None:
    """The policy of the page lets no script run but its own, wherever it comes from."""
    write(tmp_path, "x")
    assert run(["plan", "spec.yaml", "--format", "html", "-o", "r.html"], tmp_path)[0] == 0
    page = (tmp_path / "r.html").read_text()
    more = "<script>window.__pwned=1</script><img src='http://evil.example/x' onerror='window.__pwned=1'></main>"
    (tmp_path / "r.html").write_text(page.replace("</main>", more))
    with opened(chromium, tmp_path / "r.html", clean=False) as one:
        assert one.page.evaluate("window.__pwned") is None
        assert len(one.said) >= 2 and all("Content Security Policy" in said for said in one.said), one.said
