"""Debian's chromium, driven by playwright; where there is none, tests say what to install and, in CI, fail."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
ORIGIN = "http://orchestrators.test"


@contextmanager
def browser() -> Iterator[Browser]:
    """Run a browser that reaches nothing but what a test routes to it."""
    if not CHROMIUM.exists():
        skip_or_fail(f"{CHROMIUM} is missing\n  hint: as root: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        try:
            yield running
        finally:
            running.close()


def skip_or_fail(reason: str) -> NoReturn:
    """Skip, or fail where nothing may be skipped."""
    if os.environ.get("REQUIRE_BROWSER") or os.environ.get("REQUIRE_EMULATORS"):
        pytest.fail(reason)
    pytest.skip(reason)
