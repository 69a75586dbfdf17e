"""`partway compare`: two results folders whose numbers are known, held against each other through the real collect."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy.stats import binomtest

import known
from known import HOME, VIDEOS, known_study, write_known, write_predictions
from partway import cli, files, study
from partway.results import compare, stats
from partway.results.collect import collect, collect_partial


@dataclass
class Place:
    """A folder in which the known study lies, to be changed and collected."""

    folder: Path

    def __post_init__(self):
        self.study = self._in(lambda: study.load("study.yaml"))

    def _in(self, action):
        with here(self.folder):
            return action()

    def run(self, ablation: str, seed: int = 0, ratio: float = 1.0, train_ratio: str = "matched") -> study.Run:
        """One of its runs."""
        wanted = {"ablation": ablation, "seed": seed, "observation_ratio": ratio, "train_ratio": train_ratio}
        return next(run for run in self.study.runs if wanted.items() <= run.cell.items())

    def evaluation(self, *axes) -> Path:
        """The folder of the test evaluation of a run."""
        return self.folder / "results" / "evaluations" / self.run(*axes).evaluation

    def answer(self, right: set[int], *axes) -> None:
        """Replace the predictions of a run: these videos are right."""
        folder = self.evaluation(*axes)
        views = files.read_json(folder / "metrics.json")["spec"]["views"]
        shutil.rmtree(folder)
        known.write_evaluation(folder, self.run(*axes).trainings[-1], right, views)

    def record(self, kind: str, **changes) -> None:
        """Change what every training or evaluation recorded."""
        name = {"trainings": "training.json", "evaluations": "metrics.json"}[kind]
        for path in self.folder.glob(f"results/{kind}/*/{name}"):
            files.write_json(path, files.read_json(path) | changes)

    def collect(self) -> str:
        """Collect it; where its results lie, as a person names it."""
        self._in(lambda: collect(self.study, HOME))
        return str(self.folder / HOME)

    def collect_partial(self) -> str:
        """Render what there is."""
        self._in(lambda: collect_partial(self.study, HOME))
        return str(self.folder / HOME)


@contextmanager
def here(folder: Path):
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def place_of(folder: Path, tree: dict | None = None) -> Place:
    """The known study, or a variant of it, in a folder of its own."""
    folder.mkdir(parents=True)
    with here(folder):
        write_known(tree or known_study())
    return Place(folder)


@pytest.fixture(scope="module")
def finished_known(tmp_path_factory) -> Path:
    """The known study, collected; A of most comparisons, never changed."""
    place = place_of(tmp_path_factory.mktemp("a") / "work")
    place.collect()
    return place.folder


@pytest.fixture
def a(finished_known) -> str:
    return str(finished_known / HOME)


@pytest.fixture
def b(finished_known, tmp_path) -> Place:
    """A copy of it, to be changed."""
    shutil.copytree(finished_known, tmp_path / "b", symlinks=True)
    return Place(tmp_path / "b")


def compared(a: str, b: str, *renames: tuple[str, str]) -> compare.Comparison:
    return compare.compare(compare.find("A", a, []), compare.find("B", b, []), renames)


def row_of(found: compare.Comparison, ablation: str, ratio: float = 1.0, train_ratio: str = "matched"):
    wanted = {"ablation": ablation, "observation_ratio": ratio, "train_ratio": train_ratio}
    return next(row for row in found.rows if wanted.items() <= row.pair.setting_a.items())


def flat(text: str) -> str:
    return " ".join(text.split())


def test_flips_and_differences_are_those_counted_by_hand(a, b):
    # mixup of seed 0 has 2..13 right in A; in B it loses 12 and 13 and wins 14, 15 and 16. Seed 1 is as it was.
    b.answer({*range(2, 12), 14, 15, 16}, "mixup")
    row = row_of(compared(a, b.collect()), "mixup")
    assert (row.won, row.lost, row.changed) == (3, 2, 5)
    assert row.difference.value == pytest.approx(1 / (2 * VIDEOS))
    assert (row.top1_a.value, row.top1_b.value) == pytest.approx((0.6, 0.625))
    assert [(flip["id"], flip["flip"], flip["seeds"]) for flip in row.flips] == [
        *((f"v{number}", "lost", "0") for number in (12, 13)),
        *((f"v{number}", "won", "0") for number in (14, 15, 16)),
    ]
    # Even videos are bow, odd ones wave; a wrong answer is the other class.
    assert {name: row.flips[0][name] for name in ("class", "predicted_a", "predicted_b")} == {
        "class": "bow",
        "predicted_a": "bow",
        "predicted_b": "wave",
    }
    assert row.verdict == "unclear"
    assert (row.difference.test, row.difference.seeds) == ("paired over videos", 2)


def test_one_seed_is_tested_as_mcnemar_does(a, b):
    b.answer(set(range(4, 20)), "vanilla", 0, 0.5, "full")  # 0..4 are right in A: lost 4, won 15
    row = row_of(compared(a, b.collect()), "vanilla", 0.5, "full")
    assert (row.won, row.lost) == (15, 4)
    assert row.difference.p_value == pytest.approx(binomtest(4, 19).pvalue)
    assert row.difference.test == "exact McNemar"
    assert row.p_holm == row.difference.p_value  # no other row differs
    assert row.verdict == "better"


def test_holm_counts_rows_that_share_their_evaluations_once(a, b):
    # Whole videos after training on whole videos are one evaluation, whichever train_ratio asks for it.
    b.answer(set(range(1, 20)), "vanilla", 0, 1.0, "full")
    b.answer(set(range(4, 20)), "vanilla", 0, 0.5, "full")
    found = compared(a, b.collect())
    full, half, both = (
        row_of(found, *axes) for axes in (("vanilla", 1.0, "full"), ("vanilla", 0.5, "full"), ("vanilla",))
    )
    assert found.tests == 3  # two seeds of matched and one of full are two tests
    p_values = [row.difference.p_value for row in (full, half, both)]
    assert [row.p_holm for row in (full, half, both)] == pytest.approx(stats.holm(p_values))


@pytest.mark.parametrize("seed", range(3))
def test_the_other_way_round_everything_is_mirrored(a, b, seed):
    rng = np.random.default_rng(seed)
    for axes in (("vanilla", 1), ("mixup", 0), ("six_views", 1), ("vanilla", 0, 0.5, "full")):
        b.answer(set(np.flatnonzero(rng.random(VIDEOS) < 0.7).tolist()), *axes)
    home = b.collect()
    there, back = compared(a, home), compared(home, a)
    assert [row.pair.setting_a for row in there.rows] == [row.pair.setting_b for row in back.rows]
    mirrored = {"better": "worse", "worse": "better"}
    for one, other in zip(there.rows, back.rows, strict=True):
        assert one.difference.value == pytest.approx(-other.difference.value)
        assert (one.difference.low, one.difference.high) == pytest.approx(
            (-other.difference.high, -other.difference.low)
        )
        assert (one.won, one.lost, one.changed) == (other.lost, other.won, other.changed)
        assert one.p_holm == (None if other.p_holm is None else pytest.approx(other.p_holm))
        assert one.verdict == mirrored.get(other.verdict, other.verdict)
        assert (one.top1_a, one.top1_b) == (other.top1_b, other.top1_a)
    for one, other in zip(there.curves, back.curves, strict=True):
        assert one.difference.value == pytest.approx(-other.difference.value)


def test_what_is_one_evaluation_is_no_comparison(a, capsys):
    assert cli.main(["compare", a, a, "--strict"]) == 0
    said = capsys.readouterr().out
    assert "Of 6 settings in both: 6 the very same evaluation" in said
    assert "B - A" not in said
    assert "- mime small vanilla, train_ratio full, window prefix, observation_ratio 0.5, 1.0" in said


def test_answers_that_are_the_same_are_said_to_be(a, b):
    for seed in (0, 1):  # other scores, the same classes
        folder = b.evaluation("mixup", seed)
        table = pq.read_table(folder / "predictions.parquet")
        doubled = [[2 * score for score in scores] for scores in table["logits"].to_pylist()]
        place = table.schema.get_field_index("logits")
        write_predictions(folder, table.set_column(place, "logits", [doubled]))
    found = compared(a, b.collect())
    assert row_of(found, "mixup").verdict == "same answers"
    said = flat(compare.as_text(found))
    assert "1 the same in every answer, 5 the very same evaluation" in said
    assert "all 20 predictions of all 2 seeds are the same, their scores not bit for bit" in said


def test_the_same_key_with_other_predictions_is_told_as_a_change_of_the_code(a, b):
    b.answer(set(range(9)), "mixup")
    b.record("trainings", versions={"torch": "2.13.0"}, git_commit="0123456789abcdef", device="H200")
    said = flat(compare.as_text(compared(a, b.collect())))
    assert "mixup: no setting and no numerics version differs, but the predictions do" in said
    assert "- torch 2.12.1 -> 2.13.0: mixup" in said
    assert "- commit abc -> 0123456789: mixup" in said
    assert "- device CPU -> H200, CPU: mixup" in said  # its evaluation was on the CPU
    assert "Settings that differ" not in said


def test_settings_that_differ_are_named_as_the_study_writes_them(a, tmp_path):
    tree = known_study()
    tree["ablations"]["mixup"]["training"]["mixup"]["alpha"] = 0.4
    tree["ablations"]["six_views"]["evaluation"]["crops"] = 1
    other = place_of(tmp_path / "b", tree)
    found = compared(a, other.collect())
    assert row_of(found, "mixup").settings == {"training.mixup.alpha": (0.8, 0.4)}
    assert row_of(found, "six_views").settings == {"training.mixup.alpha": (0.8, 0.4), "evaluation.views.crops": (3, 1)}
    assert row_of(found, "vanilla").settings == {}
    assert "- training.mixup.alpha 0.8 -> 0.4: all rows" in flat(compare.as_text(found))


def renamed_study(alpha: float = 0.8) -> dict:
    """The known study with an ablation and a model under other names, and mixup of another strength."""
    tree = known_study()
    tree["models"] = {"tiny": tree["models"]["small"]}
    tree["ablations"] = {name.replace("mixup", "mixed"): value for name, value in tree["ablations"].items()}
    tree["ablations"]["two_stage"]["extends"] = "mixed"
    tree["ablations"]["mixed"]["training"]["mixup"]["alpha"] = alpha
    for block in tree["grid"]:
        block |= {"models": ["tiny"], "ablations": [name.replace("mixup", "mixed") for name in block["ablations"]]}
    tree["ladders"] = {"recipe": ["vanilla", "mixed", "two_stage", "six_views"]}
    return tree


@pytest.fixture
def renamed(tmp_path, monkeypatch):
    """Makes and collects `renamed_study`."""
    for seed in (0, 1):
        monkeypatch.setitem(known.RIGHT, ("mixed", seed), known.RIGHT["mixup", seed])
    return lambda alpha: place_of(tmp_path / "renamed", renamed_study(alpha)).collect()


def test_what_was_only_renamed_is_found_by_its_evaluations(a, renamed):
    found = compared(a, renamed(0.8))
    assert {row.verdict for row in found.rows} == {"same evaluation"}
    assert len(found.rows) == 6
    assert row_of(found, "mixup").pair.renamed == {"model": ("small", "tiny"), "ablation": ("mixup", "mixed")}


def test_a_renaming_is_suggested_and_taken(a, renamed, capsys):
    home = renamed(0.4)
    assert cli.main(["compare", a, home]) == 0
    said = flat(capsys.readouterr().out)
    assert "only in A: mime small mixup, train_ratio matched, window prefix, observation_ratio 1.0" in said
    hint = "perhaps only a name differs (training.mixup.alpha 0.8 -> 0.4): --rename small=tiny --rename mixup=mixed"
    assert hint in said
    assert cli.main(["compare", a, home, *hint.split(": ")[1].split()]) == 0
    said = flat(capsys.readouterr().out)
    assert "### mime small -> tiny, train_ratio matched" in said
    assert "| mixup -> mixed |" in said
    assert "Not compared" not in said


def test_two_ablations_of_one_study_can_be_compared(a):
    found = compared(a, a, ("vanilla", "mixup"))
    row = row_of(found, "vanilla")
    assert row.pair.setting_b["ablation"] == "mixup"
    assert row.difference.value == pytest.approx(0.6 - 0.45)
    assert "mixup" in [alone.setting["ablation"] for alone in found.matched.only_a]


def test_only_the_common_videos_are_compared_where_the_data_differ(a, b):
    for seed in (0, 1):
        folder = b.evaluation("mixup", seed)
        write_predictions(folder, pq.read_table(folder / "predictions.parquet").slice(0, 15))
    b.record("trainings", data_fingerprint="g")
    found = compared(a, b.collect())
    row = row_of(found, "mixup")
    assert (row.common.videos, row.common.left_out) == (15, (5, 0))
    assert row.top1_a.value == pytest.approx((12 + 12) / 30)  # 2..13 and 0..11 of the first fifteen
    said = flat(compare.as_text(found))
    assert "the data differ (fingerprint f in A, g in B). Compared are the 15 test videos whose id is in both" in said
    assert "left out are 5 of A and 0 of B; whether their content is the same is not known" in said


def test_content_that_differs_is_counted(finished_known, b, tmp_path):
    a_copy = Place(shutil.copytree(finished_known, tmp_path / "a", symlinks=True))
    b.record("trainings", data_fingerprint="g")
    b.answer(set(range(9)), "mixup")
    homes = [place.collect() for place in (a_copy, b)]
    for place, digest in ((a_copy, "1"), (b, "2")):
        rows = [{"id": f"v{number:02d}", "digest": digest if number < 6 else "0"} for number in range(VIDEOS)]
        folder = place.folder / "results" / "data" / place.study.datasets["mime"].folder
        files.write_csv(folder / "manifest.csv", rows, ["id", "digest"])
    found = compared(*homes)
    assert row_of(found, "mixup").common.other_content == 6
    assert "6 of them have other content in B" in flat(compare.as_text(found))


def test_another_label_is_refused(a, b, capsys):
    for seed in (0, 1):
        folder = b.evaluation("mixup", seed)
        table = pq.read_table(folder / "predictions.parquet")
        labels = table["label_index"].to_pylist()
        labels[3] = 0
        place = table.schema.get_field_index("label_index")
        write_predictions(folder, table.set_column(place, "label_index", [labels]))
    home = b.collect()
    assert cli.main(["compare", a, home]) == 1
    said = capsys.readouterr().err
    assert "mime small mixup: 1 of 20 common videos has another label in B, first v03: wave in A, bow in B" in said


def test_other_videos_are_refused(a, b, capsys):
    for seed in (0, 1):
        folder = b.evaluation("mixup", seed)
        table = pq.read_table(folder / "predictions.parquet")
        others = [[f"other{number}" for number in range(VIDEOS)]]
        write_predictions(folder, table.set_column(table.schema.get_field_index("id"), "id", others))
    home = b.collect()
    assert cli.main(["compare", a, home]) == 1
    assert "A and B have no video in common (v00 in A, other0 in B)" in capsys.readouterr().err


def test_another_official_split_is_refused(a, b, capsys):
    home = b.collect()
    lock = files.read_json(Path(home, "study.lock.json"))
    lock["datasets"]["mime"]["spec"]["options"]["split"] = 2
    files.write_json(Path(home, "study.lock.json"), lock)
    assert cli.main(["compare", a, home]) == 1
    assert "the official split is 1 in A and 2 in B" in capsys.readouterr().err


@pytest.mark.slow
def test_a_study_that_was_rendered_when_it_was_complete_lacks_nothing(a, b):
    said = compare.as_text(compared(a, b.collect_partial()))
    assert "not complete" not in said


def test_validation_splits_that_differ_are_told(tmp_path, monkeypatch):
    """The same data, of which B takes other videos from train."""
    a, b = (place_of(tmp_path / name) for name in "ab")
    homes = [place.collect() for place in (a, b)]
    for place, home in zip((a, b), homes, strict=True):
        runs = pd.read_csv(Path(home, "runs.csv"), dtype=str, keep_default_na=False).assign(scored_on="validation")
        runs.to_csv(Path(home, "runs.csv"), index=False)
        for run in place.study.runs:
            folder = place.folder / "results/evaluations" / run.validation
            table = pq.read_table(folder / "predictions.parquet")
            if place is b and table.num_rows % VIDEOS == 0:
                write_predictions(folder, table.slice(table.num_rows // 4))
    said = flat(compare.as_text(compared(*homes)))
    assert (
        "A and B asked other videos of the same data. Compared are the 15 validation videos whose id is in both" in said
    )
    assert "left out are 5 of A and 0 of B; their content is the same." in said


def test_holes_are_named_and_never_averaged_away(a, b, capsys, monkeypatch):
    (b.folder / "results" / "trainings" / b.run("mixup", 1).trainings[-1] / "training.json").unlink()
    b.evaluation("vanilla", 0, 0.5, "full").joinpath("metrics.json").unlink()
    assert cli.main(["compare", a, b.collect_partial()]) == 0
    said = flat(capsys.readouterr().out)
    assert "B is not complete" in said
    assert "6 of 10 runs complete" in said
    assert "small mixup, train_ratio matched, window prefix, observation_ratio 1.0: B lacks seed 1: training" in said
    assert "has no counterpart" not in said  # that B lacks it says enough
    assert "observation_ratio 0.5: B lacks seed 0: evaluation" in said
    assert "Of 5 settings in both" in said
    monkeypatch.chdir(b.folder)
    for given in ("known", "results/known", "results/known/partial"):
        assert compare.find("B", given, []).partial


def test_seeds_of_other_numbers_are_paired_in_their_order(a, tmp_path, monkeypatch):
    tree = known_study()
    tree["grid"] = [tree["grid"][0] | {"seeds": [5, 6, 7]}]
    for ablation, seed in [(ablation, seed) for ablation in tree["ablations"] for seed in (5, 6, 7)]:
        monkeypatch.setitem(known.RIGHT, (ablation, seed), set(range(seed, 20)))
    found = compared(a, place_of(tmp_path / "b", tree).collect())
    row = row_of(found, "mixup")
    assert [(one["seed"], other["seed"]) for one, other in row.pair.runs] == [(0, 5), (1, 6)]
    assert row.pair.unpaired == ["seed 7 of B"]
    assert {flip["seeds"] for flip in row.flips} == {"1/6", "0/5 1/6"}
    assert "no seed in common; paired in their order (0 with 5, 1 with 6)" in flat(compare.as_text(found))


def test_a_study_file_is_compared_as_it_would_be_collected_now(b, capsys, monkeypatch):
    monkeypatch.chdir(b.folder)
    shutil.rmtree(HOME)  # nothing needs to be collected
    assert cli.main(["compare", "study.yaml", "study.yaml", "--set-b", "grid.*.seeds=[1]"]) == 0
    said = flat(capsys.readouterr().out)
    assert "- B: study.yaml --set grid.*.seeds=[1] (study known, 5 of 6 runs complete)" in said
    assert "4 the very same evaluation" in said
    assert "seed 0 of A has no counterpart" in said
    assert not HOME.exists()


def test_what_is_no_study_is_explained(finished_known, capsys, monkeypatch):
    monkeypatch.chdir(finished_known)
    for given, expected in {
        "knwon": "did you mean known?",
        "results/knwon": "did you mean known?",
        "results": "holds the collected study known: name one, as results/known",
        "results/trainings": "nothing is collected there (no runs.csv)",
        "nothing/there": "expected a study file, a folder such as results/demo",
        "none.yaml": "none.yaml",
    }.items():
        assert cli.main(["compare", "known", given]) == 1
        assert expected in flat(capsys.readouterr().err), given
    assert cli.main(["compare", "known", "known", "--set-a", "training.epochs=3"]) == 1
    assert "--set-a changes a study file, and known is none" in capsys.readouterr().err
    assert cli.main(["compare", "study.yaml", "study.yaml", "--set-b", "training.epochs=3"]) == 1
    assert "none of its 10 runs is complete" in capsys.readouterr().err
    assert cli.main(["compare", "known", "known", "--rename", "mixp=vanilla"]) == 1
    assert "A has no data set, model or ablation called mixp; did you mean mixup?" in capsys.readouterr().err
    assert cli.main(["compare", "known", "known", "--rename", "mime=vanilla"]) == 1
    assert "not of one kind" in capsys.readouterr().err


def test_studies_without_a_common_setting_are_refused(a, tmp_path, capsys, monkeypatch):
    for seed in (0, 1):
        monkeypatch.setitem(known.RIGHT, ("mixed", seed), set())
    tree = renamed_study(0.4)
    tree["ladders"] = {}
    tree["grid"] = [tree["grid"][0] | {"ablations": ["mixed"]}]
    home = place_of(tmp_path / "b", tree).collect()
    assert cli.main(["compare", a, home]) == 1
    said = capsys.readouterr().err
    assert "A and B have no setting in common" in said
    assert "B: mime, prefix, matched, 1.0, 1.0, tiny, mixed" in said
    assert "--rename OLD=NEW" in said


def test_results_without_predictions_or_of_another_version_are_explained(a, b, tmp_path, capsys):
    moved = shutil.copytree(a, tmp_path / "alone" / "known")
    assert cli.main(["compare", a, str(moved)]) == 1
    assert "evaluations is not there: the predictions of a study lie beside its folder" in capsys.readouterr().err
    home = b.collect()
    runs = pd.read_csv(Path(home, "runs.csv"), dtype=str).drop(columns="scored_on")
    runs.to_csv(Path(home, "runs.csv"), index=False)
    assert cli.main(["compare", a, home]) == 1
    assert "collected by another version of partway (no column scored_on)" in capsys.readouterr().err
    b.collect()
    b.evaluation("mixup").joinpath("metrics.json").unlink()
    assert cli.main(["compare", a, home]) == 1
    assert "metrics.json is gone" in capsys.readouterr().err


def test_a_setting_that_this_version_does_not_know_is_told_as_it_was_written(a, b):
    b.answer(set(range(9)), "mixup")
    home = b.collect()
    lock = files.read_json(Path(home, "study.lock.json"))
    for training in lock["trainings"].values():
        training["spec"]["training"]["warp"] = 9
    files.write_json(Path(home, "study.lock.json"), lock)
    assert row_of(compared(a, home), "mixup").settings["training.warp"] == ("default", 9)


def test_the_files_hold_what_is_said(a, b, tmp_path, capsys):
    b.answer({*range(2, 12), 14, 15, 16}, "mixup")
    b.answer(set(range(4, 20)), "vanilla", 0, 0.5, "full")
    assert cli.main(["compare", a, b.collect(), "--output", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert all(len(line) <= 100 for line in said.splitlines() if not line.startswith("- "))
    rows = pd.read_csv(tmp_path / "out" / "compare.csv", keep_default_na=False)
    assert rows.verdict.tolist() == [
        "same evaluation",
        "unclear",
        *["same evaluation"] * 2,
        "better",
        "same evaluation",
    ]
    mixup = rows.iloc[1]
    assert (mixup.won, mixup.lost, mixup.seeds_a, mixup.test) == (3, 2, "0 1", "paired over videos")
    assert float(mixup.difference) == pytest.approx(0.025)
    assert rows.p_holm[0] == "" and rows.difference_low[0] == ""
    flips = pd.read_csv(tmp_path / "out" / "flips.csv")
    assert flips.groupby("ablation").size().to_dict() == {"mixup": 5, "vanilla": 19}
    page = (tmp_path / "out" / "compare.md").read_text()
    assert "| 62.5 [" in page  # what the terminal leaves out
    assert "detectable" in page


def test_strict_ends_with_1_only_where_something_is_worse(a, b, capsys):
    b.answer(set(range(4, 20)), "vanilla", 0, 0.5, "full")
    home = b.collect()
    assert cli.main(["compare", a, home, "--strict"]) == 0
    said = flat(capsys.readouterr().out)
    assert "**Of 6 settings in both: 1 better in B" in said
    assert "what is better or worse are these very trainings, and other seeds may say otherwise" in said
    assert cli.main(["compare", home, a, "--strict"]) == 1
    captured = capsys.readouterr()
    assert "--strict: 1 of 6 settings is worse in B" in captured.err
    # 15 lost, 4 won: of odd videos (wave) 5, 7, ... 19 are lost, of even ones 6, ... 18
    assert "19 of 20 answers changed, 4 won, 15 lost; lost most in wave (8), bow (7)" in flat(captured.out)


def test_curves_are_compared_by_their_areas(a, b):
    b.answer(set(range(4, 20)), "vanilla", 0, 0.5, "full")
    (curve,) = compared(a, b.collect()).curves
    # 5 of 20 at ratio 0.5 in A and 16 in B, 8 at ratio 1.0 in both
    assert (curve.area_a.value, curve.area_b.value) == pytest.approx(((5 + 8) / 40, (16 + 8) / 40))
    assert curve.difference.value == pytest.approx(11 / 40)
    assert curve.difference.low < 11 / 40 < curve.difference.high
    said = flat(compare.as_text(compared(a, b.collect())))
    assert "- mime small vanilla, train_ratio full, window prefix: mean accuracy over ratios 0.5 and 1.0 (area" in said


def three_ratios() -> dict:
    tree = known_study()
    tree["grid"][1] |= {"ratios": [0.25, 0.5, 1.0]}
    return tree


@pytest.mark.slow
def test_a_line_with_a_hole_or_of_other_videos_has_no_area(tmp_path):
    """An area over the ratios that are left would be one of another line, and look like its own."""
    a, b = (place_of(tmp_path / name, three_ratios()) for name in "ab")
    b.answer(set(range(4, 20)), "vanilla", 0, 0.25, "full")
    home = a.collect()
    (curve,) = compared(home, b.collect()).curves
    assert curve.ratios == [0.25, 0.5, 1.0]
    folder = b.evaluation("vanilla", 0, 0.5, "full")
    record, table = files.read_json(folder / "metrics.json"), pq.read_table(folder / "predictions.parquet")
    folder.joinpath("metrics.json").unlink()
    assert compared(home, b.collect_partial()).curves == []
    files.write_json(folder / "metrics.json", record)
    for ratio, kept in ((0.25, slice(1, 20)), (0.5, slice(0, 19)), (1.0, slice(0, 19))):
        folder = b.evaluation("vanilla", 0, ratio, "full")
        table = pq.read_table(folder / "predictions.parquet").slice(kept.start, 19)
        write_predictions(folder, table)
    with here(b.folder):
        found = compared(home, "study.yaml")
    assert {row.common.videos for row in found.rows if row.pair.setting_a["train_ratio"] == "full"} == {19}
    assert found.curves == []


@pytest.mark.slow
def test_a_real_study_against_itself(workplace, capsys):
    home = str(workplace.folder / "results" / "clips")
    assert cli.main(["compare", home, home, "--rename", "vanilla=six_views"]) == 0
    said = flat(capsys.readouterr().out)
    assert "| vanilla -> six_views |" in said
    assert "evaluation.views.crops 1 -> 3" in said
