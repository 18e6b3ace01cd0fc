"""The pictures of the README: the page and one night's report, of the nights that `bin/demo` leaves behind."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from shared.cli.main import run
from tests.browser.chromium import ARGUMENTS, CHROMIUM
from tests.functions.entry import ROOT
from tests.health.demo_nights import as_left, named, play
from tests.health.scenario_states import ask

if TYPE_CHECKING:
    from playwright.sync_api import Page

IMAGES = ROOT / "deploy" / "images"
LARGEST = 150_000
WIDTH, TALLEST, MARGIN = 1160, 1200, 12
# What is photographed of each: the calendar, and the drawing of its night.
PARTS = {"days": "table.calendar", "report": ".drawing"}
NIGHT, DATE = "tier-two", "2026-01-19"


def main() -> int:
    """Make the pictures; exit 1 if one is too large, 3 without a browser."""
    if not CHROMIUM.exists():
        print(f"error: {CHROMIUM} is missing\n  hint: as root: apt-get install chromium", file=sys.stderr)
        return 3
    print("playing the nights of bin/demo, about a minute", file=sys.stderr)
    with TemporaryDirectory() as folder:
        play(Path(folder))
        pages = left(Path(folder))
    IMAGES.mkdir(exist_ok=True)
    too_large = 0
    for path in photographed(pages):
        size = path.stat().st_size
        print(f"{path.relative_to(ROOT)}  {size} bytes")
        too_large += size > LARGEST
    return 1 if too_large else 0


def left(folder: Path) -> dict[str, str]:
    """Return the page after the last night, and the file that `orch report` writes of one of them."""
    with as_left(folder, named("whole")):
        days = ask("/").text
    with as_left(folder, named(NIGHT)) as ctx:
        file = folder / "report.html"
        status, output = run(["report", DATE, "--html", str(file)], ctx)
        assert status == 0, output
    return {"days": days, "report": file.read_text(encoding="utf-8")}


def photographed(pages: dict[str, str]) -> list[Path]:
    from playwright.sync_api import sync_playwright

    made = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        try:
            page = browser.new_page(viewport={"width": WIDTH, "height": TALLEST}, color_scheme="light")
            for name, html in pages.items():
                page.set_content(html)
                made.append(IMAGES / f"{name}.png")
                _screenshot(page, PARTS[name], made[-1])
        finally:
            browser.close()
    return made


def _screenshot(page: Page, part: str, path: Path) -> None:
    """Photograph a part of the page from its top to the end of a day, as much as a reader wants to see."""
    box = page.locator(part).first.bounding_box()
    assert box is not None
    ends = page.locator(f"{part} tbody").evaluate_all("all => all.map(one => one.getBoundingClientRect().bottom)")
    low = max((end for end in ends if end - box["y"] <= TALLEST), default=box["y"] + box["height"])
    x, y = box["x"] - MARGIN, box["y"] - MARGIN
    width, height = box["width"] + 2 * MARGIN, low - box["y"] + MARGIN
    page.screenshot(path=path, full_page=True, clip={"x": x, "y": y, "width": width, "height": height})


if __name__ == "__main__":
    sys.exit(main())
