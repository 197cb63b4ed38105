"""A page as it is opened: what it says on the console, and what it asks of any network, is written down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Opened:
    """An open page with its console, its errors, dialogs and requests."""

    page: Any
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @property
    def overflow(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        width: int = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return width

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds, five seconds at most: the page's policy forbids the `eval` by which a driver
        would wait inside of it."""
        for _ in range(100):
            if holds():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError("five seconds were not enough")

    def visible(self, selector: str) -> int:
        """Return how many elements of a kind are shown."""
        count: int = self.page.locator(f"{selector}:visible").count()
        return count


def refused(one: Opened, dialog: Any) -> None:
    """Write a dialog down, and close it: a page has none."""
    one.said.append(f"dialog: {dialog.message}")
    dialog.dismiss()


@contextmanager
def opened(
    browser: Any, file: Path, *, theme: str = "light", width: int = 1440, clean: bool = True, **more: Any
) -> Iterator[Opened]:
    """Open a file in a window of its own; `clean`: it must say nothing on the console, and ask for nothing else."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=theme, service_workers="block", **more
    )
    try:
        page = context.new_page()
        one = Opened(page)
        page.on("console", lambda message: one.said.append(message.text))
        page.on("pageerror", lambda error: one.said.append(str(error)))
        page.on("dialog", lambda dialog: refused(one, dialog))
        page.on("popup", lambda other: one.said.append(f"popup: {other.url}"))
        page.on("request", lambda request: one.asked.append(request.url))
        page.goto(file.resolve().as_uri())
        yield one
        if clean:
            assert one.said == []
            assert one.asked == [file.resolve().as_uri()]
    finally:
        context.close()
