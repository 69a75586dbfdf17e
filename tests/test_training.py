"""The training loop on small real videos: accumulation, choice of epoch, resume, ownership, broken losses."""

import multiprocessing
from pathlib import Path

import pytest
import torch

from conftest import make_class_folders, sweep
from partway import evaluation, files
from partway.errors import DataError, OwnershipError, TrainingError
from partway.progress import Progress
from partway.training import loop
from partway.training.checkpoints import weights_digest
from partway.training.state import Owner, StateFolder
from tiny_trainings import MODEL, QUIET, SPEC, log, prepared, train, weights


def test_a_training_writes_what_it_promises(data, tmp_path):
    record = train(data, tmp_path)
    assert [row["epoch"] for row in log(tmp_path)] == ["1", "2", "3"]
    assert list(files.read_csv(tmp_path / "training_log.csv")[0]) == loop.LOG_COLUMNS
    assert record["videos"]["train"] + record["videos"]["validation"] == 16
    assert record["videos"]["train_eval"] == record["videos"]["validation"] == 4
    assert record["checkpoint_digest"] == weights_digest(weights(tmp_path))
    assert record["spec"] == SPEC
    assert record["threads"] >= 1
    assert record["flops_per_clip"] > 0 and record["input"] == [4, 3, 32, 32]
    assert record["clips_per_sec"] > 0 and record["gpu_mem_mb"] >= 0
    checkpoint = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert checkpoint["classes"] == ["dark", "light"]
    assert checkpoint["epoch"] == record["chosen_epoch"]
    assert not list(tmp_path.rglob(".*.tmp*"))


def test_frames_with_loss_are_read_where_the_spec_says_so_and_nowhere_else(class_folders, tmp_path):
    small = {"kind": "jpeg", "short_side": 24, "quality": 90}
    data = prepared(class_folders, tmp_path / "data", "jpeg-24-q90")
    with pytest.raises(DataError, match=r"frames of `jpeg-24-q90` are not those .*no loss"):
        train(data, tmp_path / "plain")
    train(data, tmp_path / "run", store=small, training={"epochs": 1})
    asked = {"training": "t", "split": "test", "observation_ratio": 1}
    evaluation.evaluate(asked, training=tmp_path / "run", **data, folder=tmp_path / "scores", progress=QUIET)
    assert files.read_json(tmp_path / "scores" / "metrics.json")["videos"] > 0


def test_it_learns(data, tmp_path):
    record = train(data, tmp_path, training={"epochs": 12, "learning_rate": 0.003, "select": "last"})
    assert record["chosen"]["train_loss"] < 0.3
    assert record["chosen"]["val_top1"] == 1.0


def test_the_same_spec_gives_the_same_weights_and_another_seed_others(data, tmp_path):
    digests = [train(data, tmp_path / str(n), seed=n // 2)["checkpoint_digest"] for n in range(3)]
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("clips", sweep([8, 13], quick=(13,)))  # 13: micro-batches of 4, 4, 4, 1 in groups of two
def test_accumulation_takes_the_steps_of_a_larger_batch(data, tmp_path, monkeypatch, clips):
    monkeypatch.setattr(loop.manifests, "subset", lambda videos, _: videos[:clips])
    for name, options in {"small": {"batch_size": 4, "accumulation": 2}, "large": {"batch_size": 8}}.items():
        train(data, tmp_path / name, training=options | {"epochs": 2, "select": "last"})
    small, large = weights(tmp_path / "small"), weights(tmp_path / "large")
    for name in small:
        torch.testing.assert_close(small[name], large[name], atol=2e-5, rtol=1e-3)


def test_best_is_the_highest_val_top1_the_earliest_of_equals(data, tmp_path, monkeypatch):
    scores = iter([0.2, 0.6, 0.6, 0.4])
    real = loop.Trainer._scores

    def scripted(self, part, videos):
        measured = real(self, part, videos)
        return measured | {"val_top1": next(scores)} if part == "val" else measured

    monkeypatch.setattr(loop.Trainer, "_scores", scripted)
    record = train(data, tmp_path, training={"epochs": 4})
    assert record["chosen_epoch"] == 2
    assert record["chosen"]["val_top1"] == 0.6
    assert record["final"]["val_top1"] == 0.4
    kept = torch.load(tmp_path / "state" / "best-2.pt", weights_only=True)
    assert weights_digest(kept["weights"]) == record["checkpoint_digest"]


def test_last_takes_the_last_epoch_and_needs_no_validation(data, tmp_path):
    record = train(data, tmp_path, training={"select": "last", "train_eval": False}, validation={"fraction": 0})
    assert record["chosen_epoch"] == 3
    assert record["chosen"]["val_top1"] is None
    assert record["chosen"]["train_eval_top1"] is None
    assert record["videos"] == {"train": 16, "validation": 0, "train_eval": 0}


def test_a_second_stage_starts_from_the_chosen_weights(data, tmp_path):
    first = train(data, tmp_path / "first")
    still = {"epochs": 1, "learning_rate": 1e-30, "weight_decay": 0.0, "warmup": 0.0}
    second = train(data, tmp_path / "second", parent=tmp_path / "first", training=still)
    assert second["parent_digest"] == first["checkpoint_digest"] == second["checkpoint_digest"]


class KilledError(Exception):
    """Stands for a kill between two epochs."""


@pytest.mark.parametrize("after", sweep([1, 2], quick=(2,)))
def test_a_killed_training_ends_as_an_undisturbed_one(data, tmp_path, monkeypatch, after):
    unfreezing = [{"from_epoch": 1, "part": "head"}, {"from_epoch": 3, "part": "all"}]
    options = {"epochs": 4, "accumulation": 2, "mixup": {"alpha": 0.8}, "label_smoothing": 0.1, "ema": 0.9}
    options |= {"cutmix": {}, "trainable": unfreezing, "schedule": "cosine_per_epoch"}
    changes = {"training": options, "model": MODEL | {"dropout": 0.1}}
    undisturbed = train(data, tmp_path / "undisturbed", **changes)
    real = loop.Trainer.run_epoch

    def killed(self):
        if self.epoch == after:
            raise KilledError
        real(self)

    monkeypatch.setattr(loop.Trainer, "run_epoch", killed)
    with pytest.raises(KilledError):
        train(data, tmp_path / "killed", **changes)
    monkeypatch.setattr(loop.Trainer, "run_epoch", real)
    resumed = train(data, tmp_path / "killed", **changes)
    assert resumed["checkpoint_digest"] == undisturbed["checkpoint_digest"]
    assert log(tmp_path / "killed") == log(tmp_path / "undisturbed")
    assert resumed["chosen"] == undisturbed["chosen"]


def test_deleted_outputs_come_back_from_the_state(data, tmp_path, monkeypatch):
    before = train(data, tmp_path)
    for name in ("checkpoint.pt", "training_log.csv", "training.json"):
        (tmp_path / name).unlink()
    monkeypatch.setattr(loop.Trainer, "run_epoch", lambda _: pytest.fail("nothing is left to train"))
    assert train(data, tmp_path)["checkpoint_digest"] == before["checkpoint_digest"]


@pytest.mark.parametrize("damage", sweep(["truncated", "empty", "text"], quick=("truncated",)))
def test_a_damaged_state_falls_back_to_the_one_before(data, tmp_path, damage, capsys):
    undisturbed = train(data, tmp_path)
    state = tmp_path / "state" / "state.pt"
    content = {"truncated": state.read_bytes()[:2000], "empty": b"", "text": b"no state"}[damage]
    state.write_bytes(content)
    loop.train(SPEC, **data, parent=None, folder=tmp_path, progress=Progress("test"))
    said = capsys.readouterr().err
    assert "state.pt cannot be used" in said
    assert "resumed after epoch 2 of 3" in said
    assert files.read_json(tmp_path / "training.json")["checkpoint_digest"] == undisturbed["checkpoint_digest"]


def test_state_of_another_spec_or_data_set_is_never_used(data, tmp_path):
    other = train(data, tmp_path / "other", seed=5)
    train(data, tmp_path / "mixed", seed=4)
    assert train(data, tmp_path / "mixed", seed=5)["checkpoint_digest"] == other["checkpoint_digest"]
    with Owner(tmp_path / "state", QUIET) as owner:
        states = [StateFolder(owner, {"spec": "s", "fingerprint": f}, QUIET) for f in ("one", "two")]
        states[0].save({"so_far": {"best_epoch": None}, "epoch": 1})
        assert states[0].load()["epoch"] == 1
        assert states[1].load() is None


def test_every_save_asks_whose_folder_it_is(data, tmp_path, monkeypatch):
    real = loop.Trainer._train_epoch

    def taken_over(self):
        files.write_text(self.states.owner.folder / "owner", "another process")
        return real(self)

    monkeypatch.setattr(loop.Trainer, "_train_epoch", taken_over)
    with pytest.raises(OwnershipError, match="taken over by another process"):
        train(data, tmp_path)
    assert not (tmp_path / "state" / "state.pt").exists()
    assert not (tmp_path / "training.json").exists()


def hold(folder: Path, held, release) -> None:
    with Owner(folder, QUIET):
        held.set()
        release.wait(30)


def test_a_second_process_waits_for_the_first(tmp_path, capsys):
    context = multiprocessing.get_context("fork")
    held, release = context.Event(), context.Event()
    other = context.Process(target=hold, args=(tmp_path, held, release))
    other.start()
    assert held.wait(30)

    class Releasing(Progress):
        def line(self, text: str) -> None:
            super().line(text)
            release.set()

    with Owner(tmp_path, Releasing("test")) as owner:
        owner.check()
    other.join()
    assert "another process works on this training" in capsys.readouterr().err


def test_a_loss_that_is_not_finite_names_its_place(data, tmp_path):
    with pytest.raises(TrainingError, match=r"the loss is (nan|inf) in epoch \d, batch \d of \d, videos .*clip_"):
        train(data, tmp_path, training={"learning_rate": 1e30, "clip_norm": None, "warmup": 0.0})
    assert not (tmp_path / "training.json").exists()


def test_a_score_that_is_not_finite_stops_before_it_is_saved(data, tmp_path, monkeypatch):
    real = loop.Trainer._scores
    monkeypatch.setattr(loop.Trainer, "_scores", lambda s, p, v: real(s, p, v) | {"val_loss": float("nan")})
    with pytest.raises(TrainingError, match="val_loss is nan after epoch 1"):
        train(data, tmp_path)
    assert not (tmp_path / "state" / "state.pt").exists()


def test_state_that_began_at_other_weights_is_not_gone_on_from(data, tmp_path, monkeypatch):
    train(data, tmp_path / "parent")
    real = loop.Trainer.run_epoch
    monkeypatch.setattr(loop.Trainer, "run_epoch", lambda s: real(s) if s.epoch < 1 else pytest.exit("killed"))
    with pytest.raises(pytest.exit.Exception):
        train(data, tmp_path / "child", parent=tmp_path / "parent")
    monkeypatch.setattr(loop.Trainer, "run_epoch", real)
    train(data, tmp_path / "other", seed=1)
    began_again = train(data, tmp_path / "child", parent=tmp_path / "other")
    fresh = train(data, tmp_path / "fresh", parent=tmp_path / "other")
    assert began_again["checkpoint_digest"] == fresh["checkpoint_digest"]
    assert began_again["parent_digest"] == files.read_json(tmp_path / "other" / "training.json")["checkpoint_digest"]


def test_a_video_that_breaks_in_training_is_named(data, tmp_path):
    root = make_class_folders(tmp_path / "clips", clips=11)
    (root / "dark" / "clip_2.avi").write_bytes(b"")
    with pytest.raises(DataError, match=r"clip_2\.avi"):
        train(data | {"root": str(root)}, tmp_path / "run", validation={"fraction": 0}, training={"select": "last"})


def evaluated(data: dict, training: Path, folder: Path, **changes) -> dict:
    asked = {"training": "t", "split": "test", "observation_ratio": 1} | changes
    evaluation.evaluate(asked, training=training, **data, folder=folder, progress=QUIET)
    return files.read_json(folder / "metrics.json")


def test_evaluation_scores_every_video_once_and_keeps_every_view(data, tmp_path):
    import pyarrow.parquet as pq

    train(data, tmp_path / "training")
    one = evaluated(data, tmp_path / "training", tmp_path / "one")
    six = evaluated(
        data, tmp_path / "training", tmp_path / "six", views={"crops": 3, "flips": 2}, observation_ratio=0.5
    )
    assert one["videos"] == six["videos"] == 6
    assert (one["views"], six["views"]) == (1, 6)
    rows = pq.read_table(tmp_path / "six" / "predictions.parquet").to_pandas()
    assert len(rows) == 36
    assert rows.groupby("id").view.apply(list).tolist() == [[0, 1, 2, 3, 4, 5]] * 6
    assert (rows.logits.map(len) == 2).all()
    frames = {row["id"]: int(row["frames"]) for row in files.read_csv(data["manifest"])}
    assert all(row.observed_frames == -(-frames[row.id] // 2) for row in rows.itertuples())
    first_views = rows[rows.view == 0]
    assert one["top1"] in {n / 6 for n in range(7)}
    assert set(first_views.id) == {
        name for name, row in zip(frames, files.read_csv(data["manifest"]), strict=True) if row["split"] == "test"
    }


def test_views_are_named_beside_their_logits(data, tmp_path):
    import pyarrow.parquet as pq

    train(data, tmp_path / "training")
    views = {"clips": 2, "scales": [1, 1.25], "flips": 2, "aggregation": "softmax"}
    scores = evaluated(data, tmp_path / "training", tmp_path / "eight", views=views)
    assert scores["views"] == 8
    rows = pq.read_table(tmp_path / "eight" / "predictions.parquet").to_pandas()
    assert len(rows) == 6 * 8
    of_first = rows[rows.id == rows.id[0]]
    assert of_first["clip"].tolist() == [0] * 4 + [1] * 4
    assert of_first.scale.tolist() == [1, 1, 1.25, 1.25] * 2
    assert of_first.mirrored.tolist() == [False, True] * 4
    assert set(of_first.crop) == {"centre"}
    evaluated(data, tmp_path / "training", tmp_path / "scaled", views={"scales": [1.25]})
    scaled = pq.read_table(tmp_path / "scaled" / "predictions.parquet").to_pandas()
    evaluated(data, tmp_path / "training", tmp_path / "larger", views={"scales": [1, 1.25]})
    larger = pq.read_table(tmp_path / "larger" / "predictions.parquet").to_pandas()
    for one, of_both in zip(scaled.logits, larger[larger.scale == 1.25].logits, strict=True):
        assert one == pytest.approx(of_both, abs=1e-5)


JITTERED, AUGMENTED = {"colour_jitter": {}}, {"rand_augment": {}, "consistent": True}


@pytest.mark.parametrize("options", sweep([JITTERED, AUGMENTED], quick=(JITTERED,)))
def test_colours_change_a_training_and_the_same_ones_give_the_same(data, tmp_path, monkeypatch, options):
    plain = train(data, tmp_path / "plain")["checkpoint_digest"]
    digests = set()
    for workers in ("1", "3"):
        monkeypatch.setenv("PARTWAY_WORKERS", workers)
        loop.machine.settings.cache_clear()
        digests.add(train(data, tmp_path / workers, transforms=options)["checkpoint_digest"])
    loop.machine.settings.cache_clear()
    assert len(digests) == 1
    assert plain not in digests


def test_validation_scores_are_those_of_the_training_log(data, tmp_path):
    record = train(data, tmp_path / "training")
    scores = evaluated(data, tmp_path / "training", tmp_path / "val", split="validation")
    assert scores["top1"] == record["chosen"]["val_top1"]
    assert scores["loss"] == pytest.approx(record["chosen"]["val_loss"], rel=1e-6)


def test_evaluation_refuses_other_data_and_other_classes(data, tmp_path):
    train(data, tmp_path / "training")
    record = files.read_json(tmp_path / "training" / "training.json")
    files.write_json(tmp_path / "training" / "training.json", record | {"data_fingerprint": "another"})
    with pytest.raises(TrainingError, match="replaced by another of the same size"):
        evaluated(data, tmp_path / "training", tmp_path / "one")
    files.write_json(tmp_path / "training" / "training.json", record)
    checkpoint = torch.load(tmp_path / "training" / "checkpoint.pt", weights_only=True)
    torch.save(checkpoint | {"classes": ["light", "dark"]}, tmp_path / "training" / "checkpoint.pt")
    with pytest.raises(TrainingError, match="another class list"):
        evaluated(data, tmp_path / "training", tmp_path / "one")


def test_a_class_that_is_never_flipped_must_exist(data, tmp_path):
    with pytest.raises(TrainingError, match=r"never_flip: the data set has no class drak; did you mean dark\?"):
        train(data, tmp_path, transforms={"never_flip": ["drak"]})
    assert train(data, tmp_path, transforms={"never_flip": ["dark"]})["epochs"] == 3
