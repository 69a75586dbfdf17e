"""report.html in a real Chromium: no error, no request, no overflow; sorting, filtering, tips, axe, print, no JavaScript."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from known import HOME, known_study, write_data, write_known
from partway import files
from partway.results.collect import collect_partial

pytestmark = pytest.mark.slow  # a browser starts; what the page holds is tested quickly in test_report.py

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
CURVE = "vanilla, trained on whole videos\nratio"
TIPS = [f"{CURVE} 0.5: 25.0 % (95 % interval 11.2 to 46.9 %)", f"{CURVE} 1: 40.0 % (95 % interval 21.9 to 61.3 %)"]
NASTY = """<script>alert('1')</script><img src=x onerror=alert(2)></noscript></details>"größer" &amp; 映画"""
LONG = "+ a_label_that_is_one_word_and_longer_than_any_phone_is_wide_and_has_no_place_to_break"


@pytest.fixture(scope="module")
def browser():
    """One Chromium for all tests of this module; nothing is downloaded."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install '.[dev]'")
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=path)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    """The page of a study with a long label, one missing run, and names that would be markup."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("browser"))
        tree = known_study() | {"figures": {"dpi": 50}, "question": f"Is it {NASTY}?"}
        tree["ablations"]["two_stage"] |= {"label": LONG, "note": f"a note {NASTY}"}
        tree["ablations"]["six_views"] |= {"label": f"six_views {NASTY}"}
        resolved = write_known(tree)
        write_data(resolved)
        files.write_json(Path("results/data", resolved.datasets["mime"].folder, "classes.json"), ["bow", NASTY])
        run = next(run for run in resolved.runs if run.ablation == "six_views" and run.seed == 1)
        Path("results/evaluations", run.evaluation, "metrics.json").unlink()
        record = Path("results/trainings", resolved.runs[0].trainings[0], "training.json")
        files.write_json(record, files.read_json(record) | {"time_sec": 12.0})  # "12" sorts before "2", 12 after
        collect_partial(resolved, HOME)
        return (HOME / "partial" / "report.html").absolute().as_uri()


@contextmanager
def opened(browser, address: str, **options) -> Iterator:
    """The page in a window of its own; whatever it says or asks for on the way is a failure."""
    context = browser.new_context(**{"viewport": DESKTOP} | options)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.goto(address)
    yield page
    page.wait_for_timeout(100)
    context.close()
    assert [words for words in said if not words.startswith("data:")] == [address]


def shown(page, column: int) -> list[str]:
    """The texts of a column of the table of runs, as far as they can be seen."""
    return page.locator(f"#runs-table tbody tr:not(.more):visible > :nth-child({column})").all_inner_texts()


def test_it_opens_without_an_error_or_a_request(browser, address):
    with opened(browser, address) as page:
        assert page.title() == "known: partway report"
        assert page.locator("h2").count() == 10
        for link in page.locator("nav a").all():
            assert page.locator(link.get_attribute("href")).is_visible()
        assert page.locator("figure.chart svg").count() == 6
        assert page.locator("img.sheet").evaluate("picture => picture.complete && picture.naturalWidth > 100")
        assert page.locator("script").count() == 4
        assert Path(address.removeprefix("file://")).stat().st_size < 600_000


def test_points_of_a_figure_tell_their_numbers_on_hover_and_with_the_keyboard(browser, address):
    with opened(browser, address) as page:
        tip, points = page.get_by_role("tooltip"), page.locator("#accuracy figure svg [tabindex]")
        assert points.evaluate_all("points => points.map(point => point.getAttribute('aria-label'))") == TIPS
        assert [point.get_attribute("tabindex") for point in points.all()] == ["0", "-1"]
        assert not tip.is_visible()
        points.first.focus()
        assert tip.inner_text() == TIPS[0]
        page.keyboard.press("ArrowRight")
        assert tip.inner_text() == TIPS[1]
        page.keyboard.press("Escape")
        assert not tip.is_visible()
        points.first.scroll_into_view_if_needed()
        box = points.first.bounding_box()
        page.mouse.move(box["x"] + 9, box["y"] + 9)  # near is enough
        assert tip.inner_text() == TIPS[0]
        page.mouse.move(0, 0)
        assert not tip.is_visible()


def test_all_tables_are_sorted_with_the_keyboard(browser, address):
    with opened(browser, address) as page:
        for table in page.locator("table.sortable").all():
            assert table.locator("thead button").count() == table.locator("thead th").count()
        ladder = page.locator("table.ladder").first
        names = ladder.locator("tbody th")
        order = names.all_inner_texts()
        head = ladder.get_by_role("columnheader", name="test %").get_by_role("button")
        head.press("Enter")
        ladder.locator("tbody tr:first-child th", has_text="vanilla").wait_for()
        numbers = ladder.locator("tbody td:nth-child(2) b").all_inner_texts()
        assert numbers == sorted(numbers, key=lambda number: float(number.split()[0]))
        head.press("Enter")
        ladder.locator("tbody tr:first-child th", has_text="six_views").wait_for()
        ladder.get_by_role("columnheader", name="ablation").get_by_role("button").press("Enter")
        ladder.locator("tbody tr:first-child th", has_text="vanilla").wait_for()
        assert names.all_inner_texts() == order


def test_runs_are_sorted_filtered_and_opened_with_the_keyboard(browser, address):
    with opened(browser, address) as page:
        time = 1 + page.locator("#runs-table thead th").all_inner_texts().index("time")
        head = page.locator(f"#runs-table thead th:nth-child({time})")
        six_views = page.get_by_role("button", name="six_views").locator("visible=true")
        six_views.first.press("Enter")
        details = page.locator("#runs-table .more details").first
        assert details.is_visible()
        assert (
            details.evaluate("details => details.closest('tr').previousElementSibling.textContent")
            .strip()
            .startswith("six_views")
        )
        head.locator("button").press("Enter")
        page.locator("#runs-table tbody tr:first-child td:last-child", has_text=re.compile("^2 s$")).wait_for()
        assert head.get_attribute("aria-sort") == "ascending"
        assert shown(page, time) == ["2 s"] * 3 + ["3 s"] * 3 + ["12 s"] * 3 + ["—"]
        head.locator("button").press("Enter")
        page.locator("#runs-table tbody tr:first-child td:last-child", has_text=re.compile("^12 s$")).wait_for()
        assert head.get_attribute("aria-sort") == "descending"
        assert shown(page, time) == ["12 s"] * 3 + ["3 s"] * 3 + ["2 s"] * 3 + ["—"]  # holes last, whichever way
        assert (
            details.evaluate("details => details.closest('tr').previousElementSibling.textContent")
            .strip()
            .startswith("six_views")
        )
        page.get_by_role("searchbox").fill("MIXUP 1")
        assert set(shown(page, 1)) == {"+ Mixup"}
        assert page.get_by_role("status").inner_text() == "2 of 10 runs"
        assert not details.is_visible()
        page.get_by_role("searchbox").fill("")
        page.get_by_role("combobox").select_option("missing")
        assert [text[:9] for text in shown(page, 1)] == ["six_views"]
        assert page.locator(".why:visible").inner_text().split("lacks ")[1].startswith("evaluation videomae-")
        page.get_by_role("combobox").select_option("")
        page.locator("#runs-table button[aria-expanded=true]").press("Enter")
        assert page.locator("#runs-table .more").count() == 0


def test_an_address_opens_a_run(browser, address):
    with opened(browser, address) as page:
        page.evaluate("location.hash = '#run-3'")
        page.wait_for_selector("#runs-table .more")
        assert page.locator("#runs-table button[data-run='3']").get_attribute("aria-expanded") == "true"


def test_names_stay_text_in_the_page_and_in_what_a_click_opens(browser, address):
    with opened(browser, address) as page:
        for button in page.locator("#runs-table tbody button").all():
            button.click()
        page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
        assert page.locator("#runs-table .more").count() == 10
        assert page.locator("script").count() == 4
        assert page.locator("img[src='x'], [onerror]").count() == 0
        assert page.locator(".question").inner_text() == f"Is it {NASTY}?"
        assert any(NASTY in told for told in page.locator("#runs-table .more").all_text_contents())
        assert NASTY in page.locator("#data dd", has_text="bow").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser, address, scheme):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe is not installed: pip install '.[dev]'"
    )
    # axe is a script of its own, and does not look at contrast on the shadows that a box has at its sides.
    with opened(browser, address, color_scheme=scheme, bypass_csp=True) as page:
        page.add_style_tag(content=".scroll { background: none !important; }")
        for button in page.locator("#runs-table tbody button").all()[-2:]:
            button.click()
        page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
        rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
        found = axe.Axe().run(page, options=rules).response
        assert not [(it["id"], it["nodes"][0]["html"], it["nodes"][0]["failureSummary"]) for it in found["violations"]]
        assert len(found["passes"]) > 40


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_only_tables_and_figures_scroll_sideways(browser, address, viewport):
    with opened(browser, address, viewport=viewport) as page:
        for button in page.locator("button[aria-expanded]").all()[-2:]:
            button.click()
        page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
        page.evaluate("window.scrollTo(1000, 0)")
        assert page.evaluate("window.scrollX") == 0
        for box in page.locator(".scroll:visible").all():
            assert box.bounding_box()["width"] <= viewport["width"]
        if viewport is PHONE:
            assert page.locator("#runs .scroll").evaluate("box => box.scrollWidth > box.clientWidth")
            accuracy = page.locator("table.ladder").first.locator("tbody td").first.bounding_box()
            assert accuracy["x"] + accuracy["width"] < viewport["width"]  # seen without a swipe


CONTRAST = """() => {
  const linear = c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const rgb = text => {
    const values = text.match(/[\\d.]+/g).map(Number);
    return text.startsWith('color(') ? values.slice(0, 3) : values.slice(0, 3).map(value => value / 255);
  };
  const light = text => { const [r, g, b] = rgb(text).map(linear); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = element => {
    const colour = element ? getComputedStyle(element).backgroundColor : 'rgb(255, 255, 255)';
    return colour === 'rgba(0, 0, 0, 0)' ? ground(element.parentElement) : colour;
  };
  const lowest = {};
  for (const element of document.querySelectorAll('p, li, a, td, th, small, dt, dd, h1, h2, h3, summary, caption, button, .flag, svg text')) {
    const style = getComputedStyle(element);
    const ink = light(element.closest('svg') ? style.fill : style.color), paper = light(ground(element));
    const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    lowest[element.tagName] = Math.min(ratio, lowest[element.tagName] ?? 21);
  }
  return lowest;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read_on_light_and_dark(browser, address, scheme):
    with opened(browser, address, color_scheme=scheme) as page:
        paper = page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
        assert paper == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 23, 27)")
        lowest = page.evaluate(CONTRAST)
        assert {"P", "TD", "A", "BUTTON", "text"} <= set(lowest)
        assert min(lowest.values()) >= 4.5, lowest


def test_print_is_black_on_white_and_shows_what_was_opened(browser, address):
    with opened(browser, address, color_scheme="dark") as page:
        numbers = page.locator("details.numbers table").first
        assert not numbers.is_visible()
        page.locator("#runs-table tbody button").first.click()
        page.emulate_media(media="print", color_scheme="dark")
        assert page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor") == "rgb(255, 255, 255)"
        assert numbers.is_visible()
        for left_out in ("nav", ".filter"):
            assert not page.locator(left_out).first.is_visible()
        assert page.locator("#runs-table .more:visible").count() == 1
        assert page.locator("#runs-table tbody tr:not(.more):visible").count() == 10
        page.set_viewport_size({"width": 690, "height": 1000})  # A4 between its margins
        for box in page.locator(".scroll:visible").all():
            assert box.evaluate("box => box.scrollWidth <= box.clientWidth + 1"), box.get_attribute("aria-label")
        assert page.pdf(format="A4").startswith(b"%PDF")


def test_many_runs_are_laid_out_when_they_are_looked_at_and_links_arrive(browser, address, tmp_path):
    many = '<section id="runs" class="many" style="--rows: 10">'
    page_ = Path(address.removeprefix("file://")).read_text(encoding="utf-8").replace('<section id="runs">', many)
    (tmp_path / "many.html").write_text(page_, encoding="utf-8")
    with opened(browser, (tmp_path / "many.html").as_uri(), reduced_motion="reduce") as page:
        drawn = "row => row.checkVisibility({contentVisibilityAuto: true})"
        last = page.locator("#runs-table tbody tr").last
        assert not last.evaluate(drawn)
        for link in page.locator("nav a").all():
            link.click()
            page.wait_for_timeout(100)
            target = page.locator(link.get_attribute("href"))
            end = page.evaluate("innerHeight + scrollY >= document.documentElement.scrollHeight - 1")
            assert end or abs(target.bounding_box()["y"] - 16) < 2, link.inner_text()
        last.scroll_into_view_if_needed()
        assert last.evaluate(drawn)
        page.emulate_media(media="print")
        assert page.locator("#runs-table tbody tr").first.evaluate(drawn)


def test_whoever_wants_no_motion_gets_none(browser, address):
    with opened(browser, address, reduced_motion="reduce") as page:
        assert page.locator("html").evaluate("html => getComputedStyle(html).scrollBehavior") == "auto"


def test_without_javascript_all_is_there(browser, address):
    with opened(browser, address, java_script_enabled=False) as page:
        assert not page.locator(".filter").is_visible()
        assert page.locator("#runs-table tbody tr:visible").count() == 10
        assert page.locator("#accuracy figure svg use title").all_text_contents() == TIPS
        first = page.locator("#run-1")
        assert not first.get_by_text("Training curves").is_visible()
        first.locator("summary").first.click()
        assert first.get_by_text("Training curves").is_visible()
        assert page.locator("#run-parts dd:has-text('weight_decay 0.05')").first.is_visible()
