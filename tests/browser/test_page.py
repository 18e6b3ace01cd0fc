"""The page in a real browser: light and dark, on a desk and on a phone, by keyboard, and without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Route

from tests.browser.chromium import DESK, ORIGIN, PHONE, browser
from tests.functions.entry import ROOT, client
from tests.health.fortnight import fortnight
from tests.health.scenario_states import ask, left_by

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.slow]
SCREENSHOTS = ROOT / "build" / "screenshots"
RUN = "/?run=nba/2026-01-24/overnight"
PATHS = {
    "front": "/",
    "run": RUN,
    "refresh": "/?run=nba/2026-01-23/same_day",
    "day": "/?day=2026-01-24",
    "report": "/report",
    "alert": "/?alert=ID",
}
# The one thing that axe-core finds and that is meant: a page that asks for itself again. WCAG 2.2.1 allows it where the
# reader can turn it off, which every such page offers.
MEANT = {"meta-refresh": {"enabled": False}}

OPEN_ALL = "document.querySelectorAll('details').forEach(part => part.open = true)"
# Every visible text with its colour and what lies behind it: contrast as WCAG 2 defines it.
CONTRAST = """() => {
  const parse = text => { const c = text.match(/[\\d.]+/g).map(Number); return c.length > 3 ? c : [...c, 1]; };
  const channel = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const behind = node => { for (let at = node; at; at = at.parentElement) {
      const c = parse(getComputedStyle(at).backgroundColor); if (c[3] > 0) return c; }
    return parse(getComputedStyle(document.documentElement).backgroundColor); };
  const found = [];
  for (const node of document.querySelectorAll('body *')) {
    const own = [...node.childNodes].some(one => one.nodeType === 3 && one.textContent.trim());
    const box = node.getBoundingClientRect();
    if (!own || !box.width || node.closest('title, desc, .skip, .unseen, thead')) continue;
    const style = getComputedStyle(node), svg = node instanceof SVGElement;
    const ink = light(parse(svg ? style.fill : style.color)), paper = light(behind(node));
    const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    found.push([ratio, node.textContent.trim().slice(0, 40)]);
  }
  return found;
}"""

# Every text of the drawings that are shown: its size in pixels of the screen, and whether it lies within its drawing.
SVG_TEXTS = """() => [...document.querySelectorAll('svg text')].filter(text => text.getBoundingClientRect().width)
  .map(text => { const svg = text.ownerSVGElement;
    const frame = svg.getBoundingClientRect(), box = text.getBoundingClientRect();
    return [parseFloat(getComputedStyle(text).fontSize) * svg.getScreenCTM().a,
            box.left >= frame.left - 1 && box.right <= frame.right + 1, text.textContent]; })"""


def at_night(*view: Any) -> Any:
    """Return a view that only the nightly lane looks at: every page has others in every run of the tests."""
    return pytest.param(*view, marks=pytest.mark.nightly)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The function's own answers about a fortnight, by address."""
    with left_by(fortnight(tmp_path_factory.mktemp("fortnight"))):
        alert = ask("/api/alerts").get_json()["alerts"][0]["id"]
        browsed = {path: path.replace("ID", alert) for path in PATHS.values()}
        return {
            path: client("health_check").get(asked, headers={"Accept": "text/html"}).text
            for path, asked in browsed.items()
        }


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as running:
        yield running


class Visit:
    """A window that was given one page, and all that it complained of or asked for besides."""

    def __init__(self, context: BrowserContext, pages: dict[str, str], path: str) -> None:
        self.complaints: list[str] = []
        self.asked: list[str] = []

        def serve(route: Route) -> None:
            address = route.request.url.removeprefix(ORIGIN)
            self.asked.append(address)
            if address in pages:
                route.fulfill(body=pages[address], content_type="text/html; charset=utf-8")
            else:
                route.abort()

        context.route("**/*", serve)
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(f"{ORIGIN}{path}")

    def shot(self, name: str) -> Path:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        self.page.screenshot(path=path, full_page=True)
        return path


@pytest.fixture
def visit(chromium: Browser, pages: dict[str, str]) -> Iterator[Any]:
    """A function that opens a page in a fresh window."""
    contexts: list[BrowserContext] = []

    def opened(path: str, **settings: Any) -> Visit:
        context = chromium.new_context(**{"viewport": DESK, **settings})
        contexts.append(context)
        return Visit(context, pages, path)

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize(
    ("width", "colours"),
    [
        (1280, "light"),
        (390, "dark"),
        *(at_night(*view) for view in [(1280, "dark"), (390, "light"), (768, "light"), (768, "dark")]),
    ],
)
def test_a_page_renders_without_a_complaint(visit: Any, name: str, width: int, colours: str) -> None:
    """One request, no word in the console, and a screenshot for people."""
    seen = visit(PATHS[name], color_scheme=colours, viewport={**DESK, "width": width})
    assert seen.page.locator("h1").inner_text()
    assert seen.complaints == []
    assert seen.asked == [PATHS[name]]
    assert seen.shot(f"{name}-{width}-{colours}").stat().st_size > 10_000


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("width", [at_night(1280), 390])
def test_axe_finds_nothing_that_keeps_anybody_out(visit: Any, name: str, width: int) -> None:
    """No violation of axe-core's rules, everything folded opened, on a desk and on a phone."""
    seen = visit(PATHS[name], viewport={**DESK, "width": width})
    seen.page.evaluate(OPEN_ALL)
    violations = Axe().run(seen.page, options={"rules": MEANT}).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"][:200]) for each in violations] == []


@pytest.mark.parametrize("name", PATHS)
def test_without_javascript_it_reads_the_same(visit: Any, name: str) -> None:
    """Every word is there; what is folded opens without a script."""
    with_it, without = visit(PATHS[name]), visit(PATHS[name], java_script_enabled=False)
    assert without.page.locator("main").inner_text() == with_it.page.locator("main").inner_text()
    folded = without.page.locator("details")
    if folded.count():
        folded.first.locator("summary").click()
        assert folded.first.locator("table, ul").first.is_visible()


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("width", [320, at_night(390), 768, at_night(1280)])
def test_a_phone_never_scrolls_sideways(visit: Any, name: str, width: int) -> None:
    """Nothing does, no drawing either; everything folded is opened to be sure."""
    seen = visit(PATHS[name], viewport={**PHONE, "width": width})
    seen.page.evaluate(OPEN_ALL)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    wide = seen.page.evaluate(
        "[...document.querySelectorAll('body *')].filter(one => !one.closest('svg, .skip, thead, .unseen') &&"
        " one.getBoundingClientRect().right > innerWidth + 1).map(one => one.tagName + one.className)"
    )
    assert wide == []


@pytest.mark.parametrize("width", [320, at_night(390), 768, at_night(1056), 1280])
def test_no_text_of_a_drawing_is_too_small(visit: Any, width: int) -> None:
    """At least 11 px high as drawn on the screen, and inside its drawing, on whatever screen."""
    seen = visit(RUN, viewport={**DESK, "width": width})
    drawn = seen.page.evaluate(SVG_TEXTS)
    assert len(drawn) > 20
    assert [(size, text) for size, inside, text in drawn if size < 11 or not inside] == []


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_every_text_can_be_read(visit: Any, name: str, colours: str) -> None:
    """4.5 to 1 against what lies behind it, words in the drawing too."""
    seen = visit(PATHS[name], color_scheme=colours)
    seen.page.evaluate(OPEN_ALL)
    contrasts = seen.page.evaluate(CONTRAST)
    assert len(contrasts) > 15
    assert [(round(ratio, 2), text) for ratio, text in contrasts if ratio < 4.5] == []


def test_dark_is_dark(visit: Any) -> None:
    """The wish of the reader's system is followed."""
    colour = "getComputedStyle(document.body).backgroundColor"
    assert visit("/", color_scheme="light").page.evaluate(colour) == "rgb(255, 255, 255)"
    assert visit("/", color_scheme="dark").page.evaluate(colour) == "rgb(18, 22, 29)"


def test_the_keyboard_reaches_everything_and_shows_where_it_is(visit: Any) -> None:
    """The first stop skips to the content; every stop has an outline that can be seen."""
    seen = visit(RUN)
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.className") == "skip"
    assert seen.page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    stops = []
    for _ in range(12):
        seen.page.keyboard.press("Tab")
        tag, outline = seen.page.evaluate(
            "[document.activeElement.tagName, getComputedStyle(document.activeElement).outlineStyle]"
        )
        stops.append(tag)
        assert outline == "solid"
    assert {"A", "SUMMARY"} <= set(stops)


def test_a_screen_reader_hears_the_page(visit: Any) -> None:
    """Landmarks, headings, tables with their headers, and the drawing as one image with a name."""
    seen = visit(RUN)
    seen.page.evaluate(OPEN_ALL)
    heard = seen.page.locator("body").aria_snapshot()
    for line in ("- banner:", "- main:", "- contentinfo:", 'navigation "On this page"', "[level=1]", "[level=2]"):
        assert line in heard
    assert 'img "Timeline of nba/2026-01-24/overnight' in heard
    for role in ("table", "columnheader", "rowheader"):
        assert f"- {role}" in heard


def test_a_table_stays_a_table_on_a_phone(visit: Any) -> None:
    """Drawn as cards, it is still heard as rows of cells."""
    heard = visit("/?day=2026-01-24", viewport=PHONE).page.locator("table.days").aria_snapshot()
    assert "- cell" in heard
    assert "- row" in heard


def test_a_run_opens_from_the_days(visit: Any, pages: dict[str, str]) -> None:
    """A click on a pass leads to its timeline."""
    seen = visit("/")
    seen.page.locator('.calendar a[href="?run=nba/2026-01-24/overnight"]').click()
    assert seen.page.locator("h1").inner_text() == "nba/2026-01-24/overnight"
    assert seen.page.locator("svg.wide-drawing").is_visible()
