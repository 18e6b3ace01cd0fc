"""The pictures of the README: the days, and one run's timeline, from a played fortnight."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.browser.chromium import ARGUMENTS, CHROMIUM
from tests.functions.entry import ROOT
from tests.health.fortnight import fortnight
from tests.health.stage import ask, left_by

IMAGES = ROOT / "deploy" / "images"
LARGEST = 150_000
SIZE = {"width": 1160, "height": 820}
PICTURES = {"days": ("/", "body"), "timeline": ("/?run=nba/2026-01-24/overnight", ".drawing")}


def main() -> int:
    """Make the pictures; exit 1 if one is too large, 3 without a browser."""
    if not CHROMIUM.exists():
        print(f"error: {CHROMIUM} is missing\n  hint: as root: apt-get install chromium", file=sys.stderr)
        return 3
    with TemporaryDirectory() as folder, left_by(fortnight(Path(folder))):
        pages = {name: ask(path).text for name, (path, _) in PICTURES.items()}
    IMAGES.mkdir(exist_ok=True)
    too_large = 0
    for name, html in pages.items():
        path = IMAGES / f"{name}.png"
        _picture(html, PICTURES[name][1], path)
        size = path.stat().st_size
        print(f"{path.relative_to(ROOT)}  {size} bytes")
        too_large += size > LARGEST
    return 1 if too_large else 0


def _picture(html: str, part: str, path: Path) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        try:
            page = browser.new_page(viewport=SIZE, color_scheme="light")
            page.set_content(html)
            if part == "body":
                page.screenshot(path=path)
            else:
                page.locator(part).screenshot(path=path)
        finally:
            browser.close()


if __name__ == "__main__":
    sys.exit(main())
