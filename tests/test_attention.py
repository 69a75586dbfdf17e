"""Attention maps: rollout by hand, the attention of the very model that is scored, tokens in their place, pictures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from conftest import COLLECT, tiny_study
from partway import cli, evaluation, study
from partway.attention import drawing, job, request
from partway.attention.recording import AttentionError, record
from partway.attention.rollout import heat_map, rollout
from partway.data import manifest
from partway.data.manifest import Video
from partway.data.store import open_reader
from partway.families import FAMILIES
from partway.models import create_model, transformers
from partway.models.attended import Attended
from partway.results import pictures
from partway.training.spec import TrainingSpec
from test_models import CLASSES, EVERY_MODEL, clips, tiny
from tiny_trainings import QUIET, train

FIRST, ALL = slice(0, 1), slice(None)
DRAWN = [(family, name) for family, name in EVERY_MODEL if FAMILIES[family].find(name).attention]
NOT_DRAWN = [pair for pair in EVERY_MODEL if pair not in DRAWN]


# --- rollout -------------------------------------------------------------------------------------------


def layers(*rows: list) -> list[torch.Tensor]:
    """Layers of one clip."""
    return [torch.tensor([layer], dtype=torch.float64) for layer in rows]


def test_rollout_of_two_layers_by_hand():
    # 0.5 A + 0.5 I: [[1, 0], [1/4, 3/4]], then [[3/4, 1/4], [0, 1]]; the second times the first:
    #   [[3/4 + 1/16, 3/16], [1/4, 3/4]]
    two = layers([[1, 0], [0.5, 0.5]], [[0.5, 0.5], [0, 1]])
    assert rollout(two, FIRST).tolist() == [[13 / 16, 3 / 16]]
    assert rollout(two, slice(1, None)).tolist() == [[1 / 4, 3 / 4]]
    assert rollout(two, ALL).tolist() == [[17 / 32, 15 / 32]]


def test_even_attention_makes_an_even_map():
    even = [torch.full((1, 13, 13), 1 / 13)] * 3
    for read in (FIRST, ALL):
        assert torch.allclose(heat_map(rollout(even, read), Attended([], read, (2, 3), first=1)), torch.ones(2, 2, 3))
    one_patch = torch.tensor([[0.7, 0.2, 0.1]])  # a frame that is one patch, at two times, behind a class token
    assert heat_map(one_patch, Attended([], FIRST, (1, 1), first=1)).flatten().tolist() == pytest.approx([4 / 3, 2 / 3])


@given(seed=st.integers(0, 99), depth=st.integers(1, 4), tokens=st.integers(2, 9), sharpness=st.floats(0, 20))
def test_rollout_is_a_share_of_each_token_and_the_product_of_all_layers(seed, depth, tokens, sharpness):
    drawn = torch.randn(depth, 2, tokens, tokens, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    attentions = list((sharpness * drawn).softmax(dim=-1))
    product = torch.eye(tokens, dtype=torch.float64).repeat(2, 1, 1)
    for attention in attentions:
        mixed = 0.5 * attention + 0.5 * torch.eye(tokens, dtype=torch.float64)
        product = mixed / mixed.sum(dim=-1, keepdim=True) @ product
    for read in (FIRST, slice(1, None), ALL):
        shares = rollout(attentions, read)
        assert torch.allclose(shares, product[:, read].mean(dim=1))
        assert (shares >= 0).all()
        assert torch.allclose(shares.sum(dim=1), torch.ones(2, dtype=torch.float64))


# --- what is recorded ----------------------------------------------------------------------------------


def model_of(family: str, architecture: str, **more) -> nn.Module:
    """A model that has not learned, in test mode; two layers, where it can be told."""
    torch.manual_seed(0)
    options = tiny(family, architecture, **more)
    return create_model(family, architecture, options, CLASSES).eval()


@pytest.mark.parametrize(("family", "architecture"), DRAWN)
@torch.inference_mode()
def test_looking_on_changes_no_logit_and_rows_sum_to_1(family, architecture):
    model, video = model_of(family, architecture, num_layers=2), clips(tiny(family, architecture), 1)
    logits, attentions = record(model, model.attended(), video)
    assert torch.equal(logits, model(video))
    assert len(attentions) == len(model.attended().blocks)
    for attention in attentions:
        assert torch.allclose(attention.sum(dim=-1), torch.ones(attention.shape[:2]))
    heat = heat_map(rollout(attentions, model.attended().read), model.attended())
    assert heat.mean().item() == pytest.approx(1)


@pytest.mark.parametrize("architecture", ["videomae", "vivit"])
@torch.inference_mode()
def test_it_is_the_attention_that_transformers_computes_eagerly(architecture):
    scored, options = model_of("transformers", architecture, num_layers=2), tiny("transformers", architecture)
    eager = transformers.build(
        architecture, options.model_copy(update={"num_layers": 2}), CLASSES, attn_implementation="eager"
    )
    eager.load_state_dict(scored.state_dict())
    video = clips(options, 1)
    told = eager.eval().model(pixel_values=video, output_attentions=True)
    logits, attentions = record(scored, scored.attended(), video)
    assert torch.allclose(logits, told.logits, atol=1e-6)
    assert len(attentions) == len(told.attentions) == 2
    for mine, theirs in zip(attentions, told.attentions, strict=True):
        assert torch.allclose(mine, theirs.mean(dim=1), atol=1e-6)


@pytest.mark.parametrize(("family", "architecture"), [("timm", "vit"), ("simple_vivit", "simple_vivit")])
@torch.inference_mode()
def test_it_is_the_attention_that_timm_computes_unfused(family, architecture):
    model, video = model_of(family, architecture, num_layers=2), clips(tiny(family, architecture), 1)
    logits, attentions = record(model, model.attended(), video)
    seen = []
    for block in model.attended().blocks:
        block.attn.fused_attn = False
        block.attn.attn_drop.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].mean(dim=1)))
    assert torch.allclose(model(video), logits, atol=1e-6)
    for mine, theirs in zip(attentions, seen, strict=True):
        assert torch.allclose(mine, theirs, atol=1e-6)


@pytest.mark.parametrize(("family", "architecture"), DRAWN)
@torch.inference_mode()
def test_heat_stands_where_the_token_of_a_patch_is(family, architecture):
    """Other pixels in one patch change one token; its share must come out at the patch's place."""
    options = tiny(family, architecture)
    model, video = model_of(family, architecture), clips(options, 1)
    attended, seen = model.attended(), []
    model.first_block().register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    other = video.clone()
    other[:, -1, :, -1, 0] += 1  # the last frame's bottom left corner
    for clip in (video, other):
        model(clip)
    changed_BN = (seen[0] != seen[1]).any(dim=-1).float()
    heat_THW = heat_map(changed_BN, attended)
    place = torch.nonzero(heat_THW).tolist()
    assert place == [[len(heat_THW) - 1, attended.grid[0] - 1, 0]]


def test_the_head_reads_what_is_followed():
    reads = {name: model_of(family, name).attended().read for family, name in DRAWN}
    assert reads == {"videomae": ALL, "vivit": FIRST, "vit": slice(1, None), "simple_vivit": ALL, "test_vit": FIRST}


@pytest.mark.parametrize(("family", "architecture"), NOT_DRAWN)
def test_models_without_such_attention_are_refused_by_name(family, architecture):
    said = request.cannot_be_drawn("mine", family, architecture)
    assert said.startswith(f"the attention of mine ({architecture}) cannot be drawn; it can for videomae, vivit, vit")


def test_models_of_timm_are_drawn_where_each_block_is_one_attention():
    asked = [
        "vit_small_patch16_224",
        "vit_base_patch32_siglip_256",
        "vit_small_patch16_18x2_224",
        "swin_tiny_patch4_window7_224",
    ]
    assert [FAMILIES["timm"].find(name).attention for name in asked] == [True, False, False, False]


def test_an_attention_that_is_not_seen_is_told():
    model = model_of("timm", "vit")
    for block in model.attended().blocks:
        block.attn.fused_attn = False
    with pytest.raises(AttentionError, match="0 attentions were seen in 1 blocks"):
        record(model, model.attended(), clips(count=1))


# --- videos and pictures -------------------------------------------------------------------------------


def video(name: str, label: str | None) -> Video:
    kind = {"path": name, "split": "test", "group": name, "frames": 9, "frame_rate": 8.0, "width": 8, "height": 8}
    return Video(id=name, label=label, codec="h264", digest=name, **kind)


def test_videos_are_taken_class_by_class_or_by_their_ids():
    test = [video(name, name[0]) for name in ("b1", "b2", "a1", "b3", "a2")]
    for count, names in {1: ["a1"], 3: ["a1", "b1", "a2"], 9: ["a1", "b1", "a2", "b2", "b3"]}.items():
        assert [v.id for v in job.chosen_videos(test, ["a", "b"], count)] == names
    assert [v.id for v in job.chosen_videos(test, ["a", "b"], ["b3", "a1"])] == ["b3", "a1"]
    with pytest.raises(AttentionError, match="no test video has the id c1"):
        job.chosen_videos(test, ["a", "b"], ["a1", "c1"])
    unlabelled = [video(name, None) for name in ("2", "1")]
    assert [v.id for v in job.chosen_videos(unlabelled, ["a", "b"], 2)] == ["2", "1"]


def test_a_picture_shows_the_clip_that_is_scored(data, tmp_path):
    record_ = train(data, tmp_path / "training", training={"epochs": 1}, model={"num_layers": 2})
    asked = {"training": "t", "split": "test", "observation_ratio": 0.5}
    evaluation.evaluate(asked, training=tmp_path / "training", **data, folder=tmp_path / "e", progress=QUIET)
    scored = pq.read_table(tmp_path / "e" / "predictions.parquet").to_pandas().set_index("id").logits
    listed, trained = manifest.read(data["manifest"]), TrainingSpec.from_record(record_)
    model = evaluation.trained_model(tmp_path / "training", trained, listed.classes)
    maker = evaluation.clip_maker(asked, trained, open_reader(data["store"], data["root"], listed))
    look = job.Look(model, trained, maker, listed.classes, QUIET)
    test = job.chosen_videos(listed.split("test", trained.validation), listed.classes, 3)
    for each in test:
        strip = look.at(each)
        logits, heat = look.scored(strip.frames_THWC)
        assert np.allclose(logits, scored[each.id], atol=1e-5)
        assert heat.shape == (2, 2, 2)
        assert strip.title.startswith(f"{each.id}: true class {each.label}, predicted ")
    for name in ("one.png", "two.png"):
        drawing.draw([look.at(each) for each in test], "tiny", tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert cv2.imread(str(tmp_path / "one.png")).shape[0] > 3 * 300


def test_heat_is_drawn_on_all_frames_of_its_tubelet():
    heat = np.array([[[0, 0], [0, 0]], [[2, 2], [2, 2]]])
    assert drawing.upsampled(heat, 6).mean(axis=(1, 2)).tolist() == [0, 0, 0, 2, 2, 2]
    assert drawing.shown_frames(4) == [0, 1, 2, 3]
    assert drawing.shown_frames(16) == [0, 2, 4, 6, 9, 11, 13, 15]
    scale = drawing.colour_scale(np.ones((2, 2, 2)))
    assert (scale.vmin, scale.vmax) == pytest.approx((0.9, 1.1))


# --- what a study and a person ask for -----------------------------------------------------------------


def resolved(folder: Path, **asked) -> study.Study:
    tree = tiny_study() | ({"attention": asked["attention"]} if "attention" in asked else {})
    (folder / "study.yaml").write_text(str(tree).replace("None", "null"), encoding="utf-8")
    return study.load(str(folder / "study.yaml"))


def test_a_study_draws_what_its_lists_choose(tmp_path):
    found = resolved(tmp_path, attention={"ablations": ["vanilla", "mixup"], "ratios": [1.0], "seeds": [0]})
    places = {place.rpartition("-")[0]: picture for place, picture in found.pictures.items()}
    below = "prefix/observation_ratio_1.0/seed_0/attention"
    assert list(places) == [
        f"mime/small/{which}/{below}"
        for which in ("vanilla/train_matched", "mixup/train_matched", "vanilla/train_full")
    ]
    assert study.Study.from_dict(found.to_dict()) == found
    assert len(resolved(tmp_path, attention={}).pictures) == len(found.runs)
    assert resolved(tmp_path).pictures == {}
    assert "pictures" not in resolved(tmp_path).lock()


def test_unknown_videos_are_told_before_a_training_begins(data, tmp_path, monkeypatch, capsys):
    """By the study where the data is prepared already, and else by the job that packs its frames for the trainings."""
    monkeypatch.chdir(tmp_path)
    listed = manifest.read(data["manifest"])
    tests, train_ = ([video.id for video in listed.videos if video.split == split] for split in ("test", "train"))
    found = resolved(tmp_path, attention={"videos": [tests[0], train_[0]], "seeds": [0]})
    (folder,) = {source.folder for source in found.datasets.values()}
    assert request.asked_videos(found, folder) == [tests[0], train_[0]]
    assert list(request.unknown_videos(found)) == []  # nothing is prepared
    said = f"attention.videos: no test video has the id {train_[0]}; "
    packing = ["store", "--kind", "none", "--manifest", str(data["manifest"]), "--root", data["root"]]
    packing += ["--output", str(tmp_path / "store-none.json"), "--drawn"]
    assert cli.main([*packing, json.dumps([train_[0]])]) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "store-none.json").exists()
    assert cli.main([*packing, json.dumps([tests[0]])]) == 0
    prepared = tmp_path / "results" / "data" / folder
    prepared.mkdir(parents=True)
    shutil.copy(data["manifest"], prepared)
    assert [line.startswith(said) for line in request.unknown_videos(found)] == [True]
    assert cli.main(["check", "study.yaml"]) == 1
    assert said in capsys.readouterr().err


def test_partial_results_name_the_pictures_that_are_not_drawn(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = resolved(tmp_path, attention={"ablations": ["vanilla"], "ratios": [1.0], "seeds": [0, 1]})
    first, second, whole = found.pictures
    for path in (f"{found.name}/attention/{first}.png", f"logs/attention/{found.name}/{second}.log"):
        Path("results", path).parent.mkdir(parents=True)
        Path("results", path).touch()
    assert list(request.not_drawn(found)) == [
        f"the attention picture of {found.pictures[second].title} is not drawn; see results/logs/attention/tiny/{second}.log",
        f"the attention picture of {found.pictures[whole].title} is not drawn",
    ]


def test_an_edit_of_one_ablation_moves_its_pictures_alone(tmp_path):
    before = resolved(tmp_path, attention={"seeds": [0]}).pictures
    text = (tmp_path / "study.yaml").read_text().replace("'alpha': 0.8", "'alpha': 0.4")
    (tmp_path / "study.yaml").write_text(text)
    after = study.load(str(tmp_path / "study.yaml")).pictures
    moved = {place.split("/")[2] for place in set(before) ^ set(after)}
    assert moved == {"mixup", "two_stage", "six_views"}


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"model": "small"}, "10 runs are meant; say which by --ablation: vanilla, mixup, two_stage or six_views"),
        ({"ablation": "mixup"}, "2 runs are meant; say which by --seed: 0 or 1"),
        ({"ablation": "mixup", "seed": 7}, "--seed 7: no such run; there is 0 or 1"),
        ({"ablation": "mixup", "observation_ratio": 0.3}, "--ratio 0.3: no such run; there is 1"),
    ],
)
def test_a_person_is_told_what_to_say(tmp_path, wanted, said):
    with pytest.raises(request.RequestError, match=said):
        request.one_run(resolved(tmp_path), wanted)


def test_a_person_means_one_run(tmp_path):
    run = request.one_run(resolved(tmp_path), {"ablation": "vanilla", "train_ratio": "full", "observation_ratio": 0.5})
    assert (run.train_ratio, run.observation_ratio, run.seed) == ("full", 0.5, 0)
    assert "observation_ratio 0.5" in request.of_run(run, ["a"]).title
    assert request.of_run(run, ["a"]).spec["videos"] == ["a"]


def test_the_report_shows_what_is_drawn_and_says_what_is_not(tmp_path):
    places = [f"mime/small/a{n}/attention-{n:012d}" for n in range(pictures.MOST_SHOWN + 2)]
    lock = {"results_dir": str(tmp_path), "name": "s", "pictures": {place: {"title": place} for place in places}}
    strip = drawing.Strip("v1", np.zeros((4, 16, 16, 3), np.uint8), np.ones((2, 2, 2)))
    drawing.draw([strip], "drawn", tmp_path / "s" / "attention" / f"{places[1]}.png")
    shown = pictures.shown(lock)
    assert [bool(each["picture"]) for each in shown["drawn"]] == [n == 1 for n in range(pictures.MOST_SHOWN)]
    assert len(shown["drawn"][1]["picture"]) < 4 / 3 * pictures.MOST_BYTES + 100
    assert shown["count"] == len(places)
    assert pictures.shown({"results_dir": str(tmp_path), "name": "s"})["count"] == 0


def test_pictures_that_nobody_asks_for_any_more_are_removed_and_nothing_else(tmp_path):
    names = ["a/x/attention-1.png", "b/attention-2.png", "b/mine.png", "c/attention-3.png"]
    for name in names:
        (tmp_path / "attention" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "attention" / name).touch()
    pictures.keep_only_pictures(["b/attention-2"], tmp_path)
    left = sorted(str(path.relative_to(tmp_path / "attention")) for path in (tmp_path / "attention").rglob("*"))
    assert left == ["b", "b/attention-2.png", "b/mine.png"]
    pictures.keep_only_pictures([], tmp_path / "none")


@pytest.mark.slow
def test_the_rule_draws_what_is_asked_and_no_more(workplace):
    workplace.study["attention"] = {"videos": 2, "ablations": ["vanilla", "mixup"], "ratios": [1.0]}
    assert workplace.jobs() == COLLECT | {"attention": 3}
    workplace.snakemake(cores=2)
    drawn = workplace.results("clips/attention/**/*.png")
    assert len(drawn) == 3
    page = (workplace.folder / "results/clips/report.html").read_text()
    assert page.count('<img class="sheet wide" src="data:image/jpeg;base64,') == 3
    assert len(page) < 1_500_000
    assert workplace.jobs() == {}
    person = workplace.folder / "mine.png"
    study_ = str(workplace.folder / "study.yaml")
    asked = ["--ablation", "mixup", "--videos", "2", "--set", f"results_dir={workplace.folder}/results"]
    asked += ["--set", f"datasets.mine.root={workplace.folder}/clips"]
    assert cli.main(["attention", study_, *asked, "--output", str(person)]) == 0
    (same,) = workplace.results("clips/attention/mine/small/mixup/**/*.png")
    assert person.read_bytes() == same.read_bytes()
    workplace.study["ablations"]["mixup"]["training"]["mixup"]["alpha"] = 0.4
    assert workplace.jobs()["attention"] == 1
    workplace.study["ablations"]["mixup"]["training"]["mixup"]["alpha"] = 0.8
    assert workplace.jobs() == {}
    del workplace.study["attention"]
    assert workplace.jobs() == COLLECT
    workplace.snakemake()
    assert workplace.results("clips/attention/**/*.png") == []
    workplace.study["attention"] = {"videos": ["no such"], "ablations": ["mixup"]}
    stopped = workplace.snakemake(check=False)
    assert "attention.videos: no test video has the id no such; results/data/" in stopped
    assert "rule attention" not in stopped
    found = study.load(study_, [f"datasets.mine.root={workplace.folder}/clips"])
    (mixed,) = {run.trainings[-1] for run in found.runs if run.ablation == "mixup"}
    (workplace.folder / "results/trainings" / mixed / "checkpoint.pt").write_bytes(b"")
    workplace.study["attention"]["videos"] = 1
    failed = workplace.snakemake(check=False)
    assert "the attention picture of mine small mixup, train_ratio matched" in failed
    assert "is not drawn; see results/logs/attention/clips/mine/small/mixup/" in failed
    assert (workplace.folder / "results/clips/partial/report.html").exists()
