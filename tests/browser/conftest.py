"""A headless Chromium of the system, driven by Playwright; axe-core from `npm ci` in this folder.

`./check` installs what is missing where it may. Where it may not, these tests are skipped and say in one line what is
missing; in CI (`CI` is set) they fail instead.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
AXE = HERE / "node_modules" / "axe-core" / "axe.min.js"

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def missing(what: str) -> None:
    """Skip the test, or fail it in CI."""
    text = f"{what} is missing; `./check tests` as root on Debian installs it"
    if os.environ.get("CI"):
        pytest.fail(text)
    pytest.skip(text)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser with a new, empty profile.

    For a module and no longer: as long as it is there, its driver's event loop runs in this thread, and whoever asks
    asyncio for one of their own (the engine's SDK) is refused.
    """
    program = shutil.which("chromium")
    if program is None:
        missing("Chromium")
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as home, sync_playwright() as driver:
        # Chromium writes its crash database and its fonts' cache below HOME, which may not be there
        environment: dict[str, str | float | bool] = {**os.environ, "HOME": home}
        browser = driver.chromium.launch(executable_path=program, headless=True, args=list(FLAGS), env=environment)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    if not AXE.is_file():
        missing("axe-core (`npm ci` in tests/browser)")
    return AXE.read_text(encoding="utf-8")
