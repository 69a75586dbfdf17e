"""report.html on results that are known: what it says, that names stay text, and that it needs nothing but itself."""

import base64
import hashlib
import re
import tomllib
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from conftest import REPOSITORY
from known import HOME, known_study, write_data, write_known, write_training
from partway import cli, dag, files, keys, study
from partway.results import dark
from partway.results.collect import collect, collect_partial
from partway.results.collected import Collected
from partway.results.figures import draw_figures, palette
from partway.results.report import parts as report_parts
from partway.results.report import runs as report_runs
from partway.results.report import write_report
from partway.results.report.cost import cost
from partway.results.report.inline_svg import inline
from partway.results.report.origin import cautions, origin
from partway.results.report.plain_markdown import to_html
from partway.results.tables import write_tables
from partway.results.verdict import write_verdict

VOID = {"meta", "link", "br", "img", "input"}
NASTY = """<script>alert('1')</script> & "größer" </td></svg> $x^2$ 映画"""


class Page(HTMLParser):
    """The elements of a page: tag, attributes, and the text inside; every element must be closed in its turn."""

    def __init__(self, html: str, home: Path = HOME):
        super().__init__(convert_charrefs=True)
        self.html, self.home = html, home
        self.elements: list[tuple[str, dict, list[str]]] = []
        self.open: list[int] = []
        self.feed(html)
        assert not self.open, [self.elements[n][0] for n in self.open]

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.elements.append((tag, dict(attrs), []))
        if tag not in VOID:
            self.open.append(len(self.elements) - 1)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self.elements.append((tag, dict(attrs), []))

    def handle_endtag(self, tag: str) -> None:
        assert self.elements[self.open[-1]][0] == tag, (tag, self.elements[self.open[-1]])
        self.open.pop()
        if tag in ("td", "th", "dt", "dd"):
            self.handle_data(" ")

    def handle_data(self, data: str) -> None:
        for number in self.open:
            self.elements[number][2].append(data)

    def texts(self, tag: str, **attributes: str) -> list[str]:
        """The text of each element of a kind, blanks made one."""
        return [" ".join("".join(words).split()) for _, words in self.find(tag, **attributes)]

    def find(self, tag: str, **attributes: str) -> list[tuple[dict, list[str]]]:
        """Attributes and words of the elements of a kind; `class_` is one of the element's, `data_x` is data-x."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            (attrs, words)
            for name, attrs, words in self.elements
            if name == tag and all(value in (attrs.get(key) or "").split() for key, value in wanted.items())
        ]


def drawn(home: Path = HOME, decimals: int = 1) -> str:
    """Write all that comes after collect, and give the page."""
    write_tables(home, {"decimals": decimals})
    write_verdict(home, {"decimals": decimals})
    draw_figures(home, {"dpi": 50})
    write_report(home, {"decimals": decimals})
    return (home / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Page:
    """The page of the known study, written once for the tests that only read it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("report"))
        resolved = write_known(known_study())
        write_data(resolved)
        collect(resolved, HOME)
        return Page(drawn(), HOME.absolute())


def test_all_is_there_in_the_order_of_a_review(page):
    assert page.texts("title")[0] == "known: partway report"
    assert page.find("html")[0][0]["lang"] == "en"
    assert page.texts("h1") == ["known"]
    assert page.texts("h2") == [
        "What was found, and how sure",
        "Accuracy against observation ratio",
        "Ablation tables",
        "More figures",
        "What can be known",
        "Runs",
        "Data",
        "Provenance",
        "Time and cost",
        "Third-party parts of this page",
    ]
    assert "10 runs, all complete" in page.texts("li")
    assert "6 distinct trainings" in page.texts("li")
    assert "20 test videos of 2 classes" in page.texts("li")


def test_the_verdict_is_that_of_its_file_word_by_word(page):
    said = re.sub(r"^(#+|-) ", "", (page.home / "verdict.md").read_text().partition("\n")[2], flags=re.MULTILINE)
    (found,) = page.texts("section", id="verdict")
    assert " ".join(said.split()) == found.removeprefix("What was found, and how sure ")
    assert "“six_views” is the best of 4 rows" in found


def test_the_ablation_table_shows_what_its_csv_holds(page):
    rows = [text for text in page.texts("tr") if "(n = 10)" in text]
    assert len(rows) == 4
    csv = pd.read_csv(page.home / "tables" / "recipe.csv")
    for text, row in zip(rows, csv.itertuples(), strict=True):
        assert f"{100 * row.test_top1:.1f} ± {100 * row.test_top1_std:.1f}" in text
        assert f"[{100 * row.test_low:.1f}, {100 * row.test_high:.1f}]" in text
        for to in ("previous", "first"):
            name = f"difference_to_{to}"
            low, high, p_value = (getattr(row, f"{name}_{what}") for what in ("low", "high", "p_holm"))
            mark = "*" if p_value <= 0.05 else ""
            assert (
                pd.isna(low) or f"{100 * getattr(row, name):+.1f}{mark} [{100 * low:+.1f}, {100 * high:+.1f}]" in text
            )
            assert pd.isna(low) or f"p {p_value:.3f}" in text or p_value < 0.001
    assert rows[1].startswith("+ Mixup alpha 0.8 60.0 ± 0.0")  # what was found comes first
    assert " 2 1 2 90.0 (n = 10) +30.0" in rows[1]
    assert "mime, trained and tested on whole videos; n = 20 test videos" in page.texts("caption")
    marked = sum((csv[f"difference_to_{to}_p_holm"] <= 0.05).sum() for to in ("previous", "first"))
    assert len(page.find("td", class_="clear")) == marked
    (section,) = page.texts("section", id="ladders")
    assert "cover the choice of test videos only" in section
    assert "5 points are 1 of 20 test videos" in section


def test_the_settings_of_the_rows_stand_beside_the_ablation_table(page):
    ((_, words),) = page.find("table", class_="settings")
    rows = [
        row for row in page.texts("tr") if row.startswith(("setting ", "training.mixup.alpha", "total epochs", "views"))
    ]
    assert rows[:4] == [
        "setting vanilla + Mixup two_stage six_views",
        "total epochs 2 2 3 3",
        "views 1 1 1 6",
        "training.mixup.alpha — 0.8 0.8 0.8",
    ]
    assert "training.mixup.alpha" in "".join(words)


def test_the_numbers_of_the_figure_stand_below_it_and_on_its_points(page):
    # 5 and 8 of 20 videos, with the intervals of Wilson
    assert "mime vanilla, trained on whole videos 25.0 [11.2, 46.9] 40.0 [21.9, 61.3]" in page.texts("tr")
    tips = [tip for tip in page.texts("title") if "ratio 0.5: " in tip or "ratio 1: " in tip]
    assert tips == [
        "vanilla, trained on whole videos ratio 0.5: 25.0 % (95 % interval 11.2 to 46.9 %)",
        "vanilla, trained on whole videos ratio 1: 40.0 % (95 % interval 21.9 to 61.3 %)",
    ]


def test_every_run_stands_there_with_its_settings(page):
    runs = page.texts("tr", data_state="complete")
    assert len(runs) == 10
    assert runs[7] == "six_views matched 1 1 complete 75.0 100.0 75.0 90.0 4 3 s"
    ((_, words),) = page.find("details", id="run-8")
    assert " ".join("".join(words).split()).startswith("six_views, matched, 1, 1, complete, 75.0")
    run = files.read_json(page.home / "summary.json")["runs"][7]
    told = "".join(words) + "".join("".join(words) for _, words in page.find("div", id="run-parts"))
    for folder in (*run["trainings"], run["evaluation"], run["validation"]):
        assert folder in told
    differ = page.texts("span", class_="differs")
    assert "epochs 2" in differ
    assert "weight_decay 0.05" not in differ
    (section,) = page.texts("section", id="runs")
    assert "All runs share data set mime, model small, train fraction 1, window prefix." in section


@pytest.mark.slow
def test_many_runs_are_said_to_be_many(resolved, monkeypatch):
    collect(resolved, HOME)
    assert Page(drawn()).find("section", id="runs")[0][0].get("class") is None
    monkeypatch.setattr(report_runs, "MANY", 3)
    assert Page(drawn()).find("section", id="runs")[0][0]["style"] == f"--rows: {len(resolved.runs)}"


@pytest.mark.slow
def test_beyond_some_number_of_runs_the_details_are_left_to_their_files(resolved, monkeypatch):
    monkeypatch.setattr(report_runs, "MOST_WITH_DETAILS", 3)
    collect(resolved, HOME)
    page = Page(drawn())
    assert len(page.find("noscript", data_run="3")) == 1
    assert not page.find("noscript", data_run="4")
    assert "Only the first 3 runs show more here" in page.texts("section", id="runs")[0]


def test_holes_are_marked_and_say_why(resolved):
    run = next(run for run in resolved.runs if run.ablation == "mixup" and run.seed == 1)
    Path("results/trainings", run.trainings[-1], "training.json").unlink()
    half = next(run for run in resolved.runs if run.observation_ratio == 0.5)
    Path("results/evaluations", half.evaluation, "metrics.json").unlink()
    assert cli.main(["collect", "study.yaml", "--partial"]) == 0
    page = Page((HOME / "partial" / "report.html").read_text())
    assert page.texts("p", class_="notice")[0].startswith("4 runs are missing. Holes are marked")
    assert len(page.find("tr", data_state="missing")) == 4
    reasons = page.texts("td", class_="why")
    assert reasons[0] == f"missing lacks training {run.trainings[-1]} (mime small mixup, train_ratio 1.0, seed 1)"
    assert f"+ Mixup lacks seed 1: training {run.trainings[-1]} (mime small mixup, train_ratio 1.0, seed 1)" in (
        page.texts("li")
    )
    assert "mime vanilla, trained on whole videos missing 40.0 [21.9, 61.3]" in page.texts("tr")
    assert page.texts("tr", class_="hole")[0].startswith("+ Mixup alpha 0.8 60.0 [38.7, 78.1]")
    assert "partway collect study.yaml --partial" in page.texts("code")


@pytest.mark.slow
def test_nothing_complete_is_a_page_too(resolved):
    for training in resolved.trainings:
        Path("results/trainings", training, "training.json").unlink()
    collect_partial(resolved, HOME)
    page = Page((HOME / "partial" / "report.html").read_text())
    assert page.texts("p", class_="notice")[0].startswith("10 runs are missing.")
    assert "No run is complete." in page.texts("p")
    assert "not prepared yet" in page.texts("dd")


@pytest.mark.slow
def test_a_study_without_ladders_has_no_ablation_tables(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    resolved = write_known(known_study() | {"ladders": {}})
    collect(resolved, HOME)
    page = Page(drawn())
    assert "Ablation tables" not in page.texts("h2") + page.texts("a")
    assert "Runs" in page.texts("h2")


@pytest.mark.slow
def test_two_data_sets_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tree = known_study()
    tree["datasets"]["other"] = tree["datasets"]["mime"] | {"num_videos": 26}
    tree["grid"].append(tree["grid"][1] | {"dataset": "other"})
    collect(write_known(tree), HOME)
    page = Page(drawn())
    rows = [
        row
        for row in page.texts("tr")
        if row.endswith("vanilla, trained on whole videos 25.0 [11.2, 46.9] 40.0 [21.9, 61.3]")
    ]
    assert [row.split()[0] for row in rows] == ["mime", "other"]
    assert len([tip for tip in page.texts("title") if "ratio 0.5: " in tip or "ratio 1: " in tip]) == 4
    assert page.texts("h3").count("other") == 2  # of the truth, of the data


# --- names are text, whatever they hold -----------------------------------------------------------------


def nasty_study() -> dict:
    tree = known_study() | {"question": f"Is it {NASTY}?\n\n- # really"}
    tree["ablations"]["mixup"] |= {"label": f"+ {NASTY}", "note": f"note {NASTY}"}
    tree["ablations"]["two_stage"]["label"] = "\x1b[31mtwo\n\n## lines"
    return tree


@pytest.mark.slow
def test_names_never_become_markup(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    resolved = write_known(nasty_study())
    write_data(resolved, left_out=1)
    folder = Path("results/data", resolved.datasets["mime"].folder)
    files.write_json(folder / "classes.json", ["bow", NASTY])
    problems = [{"path": f"{NASTY}.avi", "kind": "unreadable", "reason": f"why {NASTY}"}]
    files.write_csv(folder / "dataset_problems.csv", problems, ["path", "kind", "reason"])
    edit = 'ablations.mixup.note="<b onclick=alert(2)>& \'"'
    assert cli.main(["collect", "study.yaml", "--partial", "--set", edit]) == 0
    html = (HOME / "partial" / "report.html").read_text(encoding="utf-8")
    page = Page(html)
    assert ["".join(words) for _, words in page.find("script")] == [script.text for script in report_parts.scripts()]
    assert not page.find("b", onclick="alert(2)")
    assert {attrs["src"][:23] for attrs, _ in page.find("img")} == {"data:image/jpeg;base64,"}
    assert not [name for _, attrs, _ in page.elements for name in attrs if name.startswith("on")]
    assert f"Is it {NASTY}? - # really" in page.texts("p", class_="question")
    assert any(text.startswith(f"+ {NASTY}") for text in page.texts("th"))
    assert "+ <script>alert('1')</script>" in page.texts("text")  # a line of the title in the training curves
    assert f"2: bow, {NASTY}" in page.texts("dd")
    assert f"{NASTY}.avi unreadable why {NASTY}" in page.texts("tr")
    assert f"set={edit}" in page.texts("dd")
    assert page.texts("h2")[-1] == "Third-party parts of this page"
    assert "lines" not in page.texts("h3")


def test_plain_markdown_knows_headings_lists_and_paragraphs_and_no_more():
    text = "## A & B\n\nOne *two* <i>\nthree\n\n- first `x`\n- second\n  line\n\nlast [a](b)\n"
    assert str(to_html(text, heading=3)).splitlines() == [
        "<h3>A &amp; B</h3>",
        "<p>One *two* &lt;i&gt;",
        "three</p>",
        "<ul><li>first `x`</li><li>second",
        "  line</li></ul>",
        "<p>last [a](b)</p>",
    ]


# --- one file, the same each time -----------------------------------------------------------------------


def test_it_needs_nothing_but_itself(page):
    targets = [
        attrs[name] for _, attrs, _ in page.elements for name in ("src", "href", "srcset", "data") if name in attrs
    ]
    assert targets
    assert all(target.startswith(("data:", "#")) for target in targets)
    assert "@import" not in page.html
    assert not re.findall(r"url\((?!#)", page.html)
    assert page.find("link")[0][0]["rel"] == "icon"
    assert len(page.html) < 500_000


def test_its_ids_are_its_own_and_all_that_is_pointed_to_is_there(page):
    ids = [attrs["id"] for _, attrs, _ in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids)) > 100
    pointed = {*re.findall(r'href="#([^"]+)"', page.html), *re.findall(r"url\(#([^)]+)\)", page.html)}
    assert pointed <= set(ids)
    assert {"main", "runs"} <= pointed
    assert {name.split("-")[0] for name in pointed if name.count("-")} >= {"accuracy_against_ratio", "training_curves"}


def test_only_its_own_script_may_run(page):
    (policy,) = [attrs["content"] for attrs, _ in page.find("meta") if "http-equiv" in attrs]
    scripts = ["".join(words) for _, words in page.find("script")]
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    assert policy == f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {allowed}"
    assert len(scripts) == 1 + len(report_parts.OWN)


@pytest.mark.slow
def test_equal_inputs_give_equal_bytes(resolved):
    collect(resolved, HOME)
    first = drawn().encode()
    assert (
        cli.main(["report", "--summary", str(HOME / "summary.json"), "--options", '{"options": {"decimals": 1}}']) == 0
    )
    assert (HOME / "report.html").read_bytes() == first
    collect(resolved, HOME)
    assert drawn().encode() == first
    assert drawn(decimals=2).encode() != first


def test_greys_of_a_figure_follow_the_page(tmp_path):
    (tmp_path / "figure.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="72pt" height="36pt">'
        '<metadata>x</metadata><defs><style>*{fill: red}</style><path id="m"/></defs><g id="line">'
        '<use xlink:href="#m" clip-path="url(#p)" style="fill: #ffffff; stroke: #000000"/><use xlink:href="#m"/></g>'
        "<text style=\"font-size: 9px; font-family: 'A', sans-serif; fill: #666666; stroke: #0072b2\">a &lt; b\x1b</text></svg>"
    )
    svg = str(inline(tmp_path / "figure.svg", "one", 'say "it"', {"line": ["first", "second"]}))
    assert '<path id="one-m" />' in svg
    assert '<use clip-path="url(#one-p)" style="fill: var(--paper); stroke: currentColor" href="#one-m">' in svg
    assert "<title>first</title></use>" in svg
    assert (
        'style="font-size: 9px; fill: color-mix(in srgb, currentColor 68%, var(--paper)); stroke: light-dark(#0072b2, #0097eb)"'
        in svg
    )
    assert ">a &lt; b</text>" in svg
    assert "metadata" not in svg
    assert "red" not in svg
    assert 'role="img" aria-label="say &quot;it&quot;"' in svg
    assert "max-width: 96px" in svg


def test_colours_of_lines_are_seen_on_dark_paper_and_keep_their_order(tmp_path):
    shades = [palette.shade("#0072b2", by) for by in (-0.55, -0.3, 0, 0.2, 0.4)]
    light = [dark.luminance(dark.lifted(colour)) for colour in shades]
    paper = dark.luminance("#14171b")
    assert all((it + 0.05) / (paper + 0.05) > 3 for it in light)
    assert light == sorted(light)
    assert min(later - it for it, later in pairwise(light)) > 0.02
    assert dark.luminance("#808080") == pytest.approx(0.2159, abs=1e-4)
    assert dark.lifted("#ffffff") == "#ffffff"
    fills = ["fill: #0072b2", "fill: #0072b2; fill-opacity: 0.9", "fill: #0072b2; fill-opacity: 0.13"]
    paths = "".join(f'<path style="{style}"/>' for style in fills)
    (tmp_path / "figure.svg").write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="1pt" height="1pt">{paths}</svg>'
    )
    kept = [style in str(inline(tmp_path / "figure.svg", "one", "")) for style in (f'"{style}"' for style in fills)]
    assert kept == [True, True, False]  # words stand on cells, none on a band


def test_what_the_package_holds_beside_modules_is_installed():
    patterns = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    report = REPOSITORY / "src" / "partway" / "results" / "report"
    found = {path for pattern in patterns["partway.results.report"] for path in report.glob(pattern)}
    beside = {p for p in (REPOSITORY / "src").rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc")}
    assert {path.name for path in beside} >= {"report.html.jinja", "page.css", "runs.js", "sortable.min.js", "LICENSE"}
    assert {path for path in beside if "egg-info" not in str(path)} <= found


# --- data, provenance, cautions -------------------------------------------------------------------------


def changed_training(resolved: study.Study, **changes) -> None:
    """One training of the known results recorded something else than the others."""
    path = Path("results/trainings", resolved.runs[0].trainings[0], "training.json")
    files.write_json(path, files.read_json(path) | changes)


def test_what_made_the_numbers(page):
    facts = dict(zip(page.texts("dt"), page.texts("dd"), strict=True))
    assert facts["commit of the code"] == "abc"
    assert facts["machine"] == "node7"
    assert facts["libraries"] == "python 3.11.7, partway 0.1.0, torch 2.12.1"
    assert facts["numerics versions"] == ", ".join(f"{part} {number}" for part, number in keys.NUMERICS.items())
    assert facts["seeds"] == "0, 1"
    assert facts["data fingerprint"] == "f (mime)"
    assert facts["study file"] == "study.yaml"
    assert facts["threads of a training"] == "1"
    assert facts["videos"] == "18 train, 20 validation, 20 test; 400 frames"
    assert facts["groups"] == "6; none is cut by a split"
    assert not page.find("aside")
    # 6 trainings of 1.5 s and 18 evaluations of 0.5 s, on one thread. Alone, the 10 runs, of which 4 have two stages, would
    # have trained for 21 s and evaluated for 10: 13 s more than the 18 that were spent.
    (cost,) = page.texts("section", id="cost")
    assert (
        "Trainings took 9 s together, evaluations 9 s. That is 0.0050 CPU-hours. Sharing saved 0.0036 CPU-hours" in cost
    )
    assert "trainings, CPU-hours 6 0.0025 0.0058 0.0033" in page.texts("tr")
    assert "evaluations, CPU-hours 18 0.0025 0.0028 < 0.001" in page.texts("tr")
    assert "12 s saved by sharing" in page.texts("li")


@pytest.mark.slow
def test_hours_of_a_gpu_are_told_apart_and_what_no_run_could_share_is_not_saved(resolved):
    two_stage = next(run for run in resolved.runs if len(run.trainings) == 2)
    for folder in resolved.trainings:
        path = Path("results/trainings", folder, "training.json")
        changes = {"device": "NVIDIA H200", "time_sec": 36000.0} if folder == two_stage.trainings[0] else {"threads": 4}
        files.write_json(path, files.read_json(path) | changes)
    Path("results/evaluations", two_stage.evaluation, "metrics.json").unlink()
    collect_partial(resolved, HOME)
    told = cost(Collected.read(HOME / "partial", 1))
    rows = {row["kind"]: row for row in told["rows"]}
    chains = [
        run
        for run in resolved.runs
        if run.evaluation != two_stage.evaluation and two_stage.trainings[0] in run.trainings
    ]
    gpu = rows["trainings, GPU-hours"]
    assert (gpu["jobs"], gpu["spent"]) == (1, "10.0")
    assert gpu["alone"] == f"{10 * len(chains):#.3g}"
    assert gpu["saved"] == f"{10 * (len(chains) - 1):#.3g}"
    assert rows["trainings, CPU-hours"]["spent"] == "0.0083"  # 5 of 1.5 s on 4 threads
    assert "10.0 GPU-hours and 0.0" in told["words"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"git_commit": "def"}, "The trainings differ in version of partway's code: abc (5) or def (1)."),
        ({"precision": "bf16"}, "The trainings differ in precision: fp32 (5) or bf16 (1)."),
        ({"device": "NVIDIA H200"}, "The trainings differ in device: CPU (5) or NVIDIA H200 (1)."),
        ({"versions": {"torch": "2.13.0"}}, "The trainings differ in version of torch: 2.13.0 (1) or 2.12.1 (5)."),
        ({"git_commit": "abc-dirty"}, "1 training ran code with changes that were not committed"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_whatever_is_mixed_is_flagged(resolved, change, said):
    changed_training(resolved, **change)
    collect(resolved, HOME)
    assert said in [words[: len(said)] for words in cautions(Collected.read(HOME, 1))]


def test_evaluations_on_several_devices_are_flagged_too(resolved):
    path = Path("results/evaluations", resolved.runs[0].evaluation, "metrics.json")
    files.write_json(path, files.read_json(path) | {"device": "NVIDIA H200"})
    collect(resolved, HOME)
    (words,) = cautions(Collected.read(HOME, 1))
    assert words.startswith("The evaluations differ in device: CPU (17) or NVIDIA H200 (1).")


def test_records_of_an_older_version_leave_out_what_they_do_not_know(resolved):
    for folder, training in resolved.trainings.items():
        write_training(Path("results/trainings", folder), training.parent)
        path = Path("results/trainings", folder, "training.json")
        record = files.read_json(path)
        del record["versions"], record["host"], record["numerics"]
        files.write_json(path, record | {"git_commit": None})
    collect(resolved, HOME)
    facts = origin(Collected.read(HOME, 1))
    assert {"study file", "device", "seeds"} <= set(facts)
    assert not {"libraries", "commit of the code", "machine", "numerics versions"} & set(facts)
    assert not cautions(Collected.read(HOME, 1))


@pytest.mark.slow
def test_data_sets_say_what_is_wrong_with_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tree = known_study()
    tree["datasets"]["mime"]["validation"] = {"fraction": 0.25, "by": "random"}
    tree["grid"][1]["windows"] = ["middle"]
    resolved = write_known(tree)
    write_data(resolved, left_out=60, groups="unknown")
    problems = [{"path": f"dark/{n}.avi", "kind": "unreadable", "reason": "no frames"} for n in range(60)]
    folder = Path("results/data", resolved.datasets["mime"].folder)
    files.write_csv(folder / "dataset_problems.csv", problems, ["path", "kind", "reason"])
    collect(resolved, HOME)
    page = Page(drawn())
    said = page.texts("aside")[0]
    assert "The validation videos of mime were drawn one by one (by: random), which leaks" in said
    assert "60 bad videos were left out of every run, of 118 of data set mime" in said
    assert "The middle window sees later content" in said
    assert "25 % of the train videos, by random, seed 0. This leaks" in " ".join(page.texts("dd"))
    assert "unknown: each video counts as a group of its own" in " ".join(page.texts("dd"))
    assert "The first 50 of 60; dataset_problems.csv holds all" in page.texts("caption")
    assert "dark/49.avi unreadable no frames" in page.texts("tr")
    assert "dark/50.avi unreadable no frames" not in page.texts("tr")


def add_rows(path: Path, rows: list[str]) -> None:
    files.write_text(path, path.read_text() + "\n".join(rows) + "\n")


@pytest.mark.slow
def test_generated_classes_are_drawn_and_leaks_counted(resolved):
    write_data(resolved)
    collect(resolved, HOME)
    files.write_text(HOME / "ceiling.csv", "dataset,observation_ratio,ceiling,undecided_videos,test_videos\n"
                     "mime,0.25,0.5,20,20\nmime,0.5,0.75,10,20\nmime,1.0,1.0,0,20\n")  # fmt: skip
    half, whole = (f"mime,small,vanilla,full,1.0,{ratio},prefix" for ratio in (0.5, 1.0))
    found = [("test", "all", 0), ("test", "a b", 1), ("validation", "a b", 0)]  # the predictions on test are flagged
    leaks = [f"{half},0,{split},{group},10,9,0.01,{flag}" for split, group, flag in found]
    add_rows(HOME / "leaks.csv", leaks)
    shares = [(half, 0, "a b", 3, 2), (whole, 0, "a b", 8, 2), (whole, 1, "a b", 8, 4), (whole, 0, "c d", 6, 6)]
    add_rows(HOME / "pairs.csv", [f"{cell},{seed},{pair},order,{of},{n}" for cell, seed, pair, of, n in shares])
    page = Page(drawn())
    (section,) = page.find("section", id="truth")
    assert [row for row in page.texts("tr") if " of 20 " in row and row[0].isdigit()] == [
        "0.5 75.0 10 of 20 2 1",
        "1 100.0 0 of 20 0 0",
    ]
    assert "setting a / b differ in order; n = 8 c / d differ in order; n = 6" in page.texts("tr")
    assert "vanilla, trained on whole videos 37.5 100.0" in page.texts("tr")  # 6 of 16, over the seeds
    assert "mime ceiling of any honest model (prefix) 75.0 100.0" in page.texts("tr")
    assert "".join(section[1]).count("One row a class") == 1
    (sheet,) = [attrs for attrs, _ in page.find("img")]
    jpeg = base64.b64decode(sheet["src"].partition(",")[2])
    assert jpeg[:3] == b"\xff\xd8\xff"
    assert 5_000 < len(jpeg) < 300_000
    assert sheet["alt"].startswith("A row of frames for each class, in pairs: ")


# --- the command ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command_is_what_was_typed_and_moves_no_key(resolved, monkeypatch):
    argv = ["/somewhere/.venv/bin/snakemake", "--cores", "2", "--config", 'set=["a=1", "b=it\'s"]']
    monkeypatch.setattr("sys.argv", argv)
    dag.freeze(resolved, {"study": "study.yaml"})
    frozen = dag.frozen_path({"study": "study.yaml"})
    assert cli.main(["collect", "--frozen", str(frozen)]) == 0
    assert """snakemake --cores 2 --config 'set=["a=1", "b=it'"'"'s"]'""" in Page(drawn()).texts("code")
    lock = (HOME / "study.lock.json").read_text()
    assert "--cores" not in lock
    assert [path.name for path in (HOME / ".collected").iterdir()] == [resolved.digest]
    assert cli.main(["collect", "study.yaml"]) == 0
    assert (HOME / "study.lock.json").read_text() == lock
    assert files.read_json(HOME / "summary.json")["command"] == "partway collect study.yaml"


def test_snakemake_called_as_a_module_is_written_so():
    argv = ["/somewhere/site-packages/snakemake/__main__.py", "-n"]
    assert dag.command_line(argv) == "python -m snakemake -n"
