"""What a click on a run shows: curves, worst classes, what several runs share; and that names stay text in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from known import HOME, known_study, write_data, write_known
from partway import files
from partway.results.collect import collect
from partway.results.report.run_classes import worst_classes
from partway.results.report.run_curves import Curves
from test_report import Page, drawn
from test_report_browser import browser, opened  # noqa: F401 (a fixture)

NASTY = "</noscript><script>document.title='taken'</script><img src=x onerror=alert(1)>"


# --- worst classes ---------------------------------------------------------------------------------------


def test_the_worst_classes_are_told_in_numbers_of_videos():
    classes = ["bow", "kick", "lunge", "wave", "sit", "run"]
    #                   bow: 2 of 3       kick: 0 of 2  lunge: 1 of 1  wave: 1 of 6        sit: none
    labels_N = np.array([0, 0, 0, 1, 1, 2, 3, 3, 3, 3, 3, 3])
    predicted_N = np.array([0, 0, 3, 0, 3, 2, 3, 0, 0, 1, 2, 5])
    assert worst_classes(labels_N, predicted_N, classes) == [
        ("kick", "0 of 2 right; 1 taken for bow and 1 for wave"),
        ("wave", "1 of 6 right; 2 taken for bow, 1 for kick, 1 for lunge and 1 for others"),
        ("bow", "2 of 3 right; 1 taken for wave"),
    ]
    assert worst_classes(labels_N, labels_N, classes) == []


def test_of_many_classes_five_are_told_and_more_videos_come_first():
    labels_N = np.array([0, 1, 2, 3, 4, 5, 6, 6])
    predicted_N = (labels_N + 1) % 7
    told = worst_classes(labels_N, predicted_N, list("abcdefg"))
    assert [name for name, _ in told] == ["g", "a", "b", "c", "d"]


# --- curves ----------------------------------------------------------------------------------------------

COLUMNS = ["training", "chosen", "epoch", "train_loss", "val_loss", "val_top1"]


def curves_of(tmp_path: Path, rows: list[tuple]) -> Curves:
    files.write_csv(tmp_path / "epochs.csv", [dict(zip(COLUMNS, row, strict=True)) for row in rows], COLUMNS)
    return Curves(tmp_path)


def test_curves_run_through_all_stages_and_mark_what_was_chosen(tmp_path):
    rows = [("a", 0, 1, 2.0, 1.0, 0.5), ("a", 1, 2, 1.0, 0.5, 0.75), ("b", 1, 1, 0.5, None, 1.0)]
    drawn = curves_of(tmp_path, rows).of(("a", "b"))
    loss, top1 = drawn["panels"]
    assert drawn["begins"] == ["180.0"]  # between epochs 2 and 3 of 3, at 120 and 240
    assert loss["title"] == "Loss, 3 epochs"
    assert loss["highest"] == "2"
    assert loss["lines"] == {"train": "0.0,0.0 120.0,45.0 240.0,67.5", "val": "0.0,45.0 120.0,67.5"}
    assert loss["chosen"] == [["120.0", "67.5"]]
    assert loss["words"] == "validation: 1 in epoch 1, 0.5 in epoch 2; epoch 2 was chosen, with 0.5"
    assert top1["lines"] == {"val": "0.0,45.0 120.0,22.5 240.0,0.0"}
    assert top1["highest"] == "100"
    assert top1["words"] == (
        "validation: 50.0 in epoch 1, 100.0 in epoch 3; epoch 2 was chosen, with 75.0; epoch 3 was chosen, with 100.0"
    )
    assert list(drawn["parts"]) == ["train", "val"]


def test_one_epoch_is_a_ring_in_the_middle_and_none_is_no_drawing(tmp_path):
    curves = curves_of(tmp_path, [("a", 1, 1, None, 0.0, None)])
    (loss,) = curves.of(("a",))["panels"]
    assert loss["chosen"] == [["120.0", "90.0"]]
    assert loss["words"] == "validation: 0 in epoch 1; epoch 1 was chosen, with 0"
    assert curves.of(("b",)) is None


# --- in the page -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Page:
    """The page of the known study, with a class that looks like markup."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("details"))
        resolved = write_known(known_study())
        write_data(resolved)
        for folder in Path("results/evaluations").iterdir():
            _rename_class(folder, "wave", NASTY)
        collect(resolved, HOME)
        return Page(drawn(), HOME.absolute())


def _rename_class(folder: Path, old: str, new: str) -> None:
    path = folder / "predictions.parquet"
    table = pq.read_table(path)
    classes = table.schema.metadata[b"classes"].decode().replace(old, new)
    pq.write_table(table.replace_schema_metadata({"classes": classes}), path)
    record = files.read_json(folder / "metrics.json")
    files.write_json(folder / "metrics.json", record | {"predictions_digest": files.digest(path)})


def test_each_run_tells_what_it_changes_and_whom_it_takes_for_whom(page):
    vanilla, mixup = (page.texts("details", class_="run")[place] for place in (0, 2))
    assert "What it changes Nothing: its settings are those of the model as the study has it." in vanilla
    assert "Against vanilla: training.mixup.alpha: none → 0.8 training.mixup.prob: none → 1" in mixup
    # Right are videos 2 to 13 of 20; even ones are bow.
    assert f"Worst classes bow 6 of 10 right; 4 taken for {NASTY} {NASTY} 6 of 10 right; 4 taken for bow" in mixup


def test_what_runs_share_stands_there_once(page):
    ids = [attrs["id"] for _, attrs, _ in page.elements if "id" in attrs]
    settings = [id_ for id_ in ids if id_.startswith("settings-")]
    assert len(settings) == len(set(settings)) == 6  # trainings
    assert len([id_ for id_ in ids if id_.startswith("curves-")]) == 6
    links = [attrs["href"].removeprefix("#") for attrs, _ in page.find("a", class_="part")]
    assert set(links) <= set(ids)
    assert sum(link.startswith("curves-") for link in links) == 10
    assert sum(link.startswith("settings-") for link in links) == 14  # four runs have two stages


def test_curves_have_words_for_who_does_not_see_them(page):
    drawings = page.texts("div", class_="curves")
    assert drawings[0].startswith(
        "Loss, 2 epochs validation: 0.6 in epoch 1, 0.5 in epoch 2; epoch 1 was chosen, with 0.6 Loss, 2 epochs 0.6 0"
    )
    assert "an upright line is where a stage begins" in drawings[-1]


@pytest.mark.slow
def test_a_run_opens_whole_in_a_browser_and_no_name_becomes_markup(page, browser):  # noqa: F811
    with opened(browser, (page.home / "report.html").as_uri()) as window:
        window.locator("#runs-table button[data-run='5']").click()
        told = window.locator(".more")
        assert told.locator(".curves svg").count() == 2
        assert told.locator("a.part").count() == 0
        told.locator("summary", has_text="All settings").click()
        assert told.get_by_text("weight_decay 0.05").first.is_visible()
        assert NASTY in told.locator(".classes").inner_text()
        assert window.locator("img[src=x]").count() == 0
        assert window.title() == "known: partway report"


def test_without_javascript_a_run_leads_to_what_it_shares(page, browser):  # noqa: F811
    with opened(browser, (page.home / "report.html").as_uri(), java_script_enabled=False) as window:
        run = window.locator("details.run").nth(2)
        run.locator("summary").first.click()
        assert run.get_by_text("training.mixup.alpha").is_visible()
        target = run.locator("a.part").first.get_attribute("href")
        assert window.locator(f"[id='{target[1:]}'] svg").count() == 2
        assert window.title() == "known: partway report"
