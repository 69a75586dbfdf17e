"""Wrong studies, one table: what each says, on which line, how fast, and whether an editor finds it too."""

from __future__ import annotations

import copy
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from conftest import TINY_MODEL, tiny_study
from partway import json_schema, study
from partway.errors import StudyError

EDITOR = jsonschema.Draft202012Validator(json_schema.study_schema())
LONGEST_SEC = 2  # SPEC 3: a wrong study fails in under two seconds
TEXT = yaml.safe_dump(tiny_study(), sort_keys=False)
OWN_CLIPS = {"layout": "class_folders", "root": "clips"}
FRAMES = TINY_MODEL | {"family": "timm", "architecture": "vit"}
NAMED = {"family": "timm", "architecture": "resnet18", "weights": "scratch", "num_frames": 4, "frame_size": 64}
SLOWFAST = NAMED | {"family": "pytorchvideo", "architecture": "slowfast_r50"}
JARGON = re.compile(r"input should|instance of|valid (integer|number|string|list|dict)|pattern '|validation, not|tuple")


@dataclass(frozen=True)
class Wrong:
    """A tiny study with one thing wrong.

    Attributes:
        put: path of a key -> what is put there.
        says: part of the one message, from the key on.
        at: what stands on the line that the message names.
        only_partway: why a JSON Schema cannot find it; empty where it must.
    """

    put: dict[str, Any]
    says: str
    at: str
    only_partway: str = ""

    def tree(self) -> dict[str, Any]:
        tree = copy.deepcopy(tiny_study())
        for path, value in self.put.items():
            put(tree, path.split("/"), value)
        return tree


def put(tree: Any, path: list[str], value: Any) -> None:
    for key in path[:-1]:
        tree = tree[int(key)] if isinstance(tree, list) else tree.setdefault(key, {})
    tree[int(path[-1]) if isinstance(tree, list) else path[-1]] = value


TAKES = "what each architecture takes"
NAMES, SIZES, PAIR = "a name that nothing defines", "more than one key", "the order of two numbers"
WRONG = {
    # keys
    "misspelt key": Wrong({"training/epoks": 3}, "training.epoks: unknown key; did you mean epochs?", "epoks"),
    "misspelt section": Wrong({"Training": {}}, "Training: unknown key; did you mean training?", "Training"),
    "misspelt key in a stage": Wrong(
        {"ablations/two_stage/stages": [{"epoch": 3}]}, "stages.0.epoch: unknown key; did you mean epochs?", "epoch:"
    ),
    "misspelt key of a ladder": Wrong({"ladders/recipe": {"row": ["vanilla"]}}, "did you mean rows?", "row:"),
    "misspelt key of a row": Wrong({"ladders/recipe": [{"ablaton": "vanilla"}]}, "did you mean ablation?", "ablaton"),
    "key of another layout": Wrong(
        {"datasets/mime": OWN_CLIPS | {"num_videos": 4}}, "mime.num_videos: unknown key; known: ", "num_videos"
    ),
    "identity in an ablation": Wrong(
        {"ablations/mixup/model": {"family": "timm"}}, "model.family: unknown key; known: ", "family: timm"
    ),
    "missing key": Wrong({"models/small": {"family": "transformers"}, "grid/0/seeds": [0]}, "missing", "small"),
    # types
    "text for a number": Wrong({"training/learning_rate": "fast"}, "expected a number, got 'fast'", "fast"),
    "number in quotes": Wrong({"training/epochs": "3"}, "a whole number, got '3'; take the quotes away", "epochs"),
    "half an epoch": Wrong({"training/epochs": 2.5}, "epochs: expected a whole number, got 2.5", "epochs: 2.5"),
    "true for a number": Wrong({"training/epochs": True}, "expected a whole number, got true", "epochs"),
    "true for one crop": Wrong({"evaluation/crops": True}, "expected a whole number, got true", "crops"),
    "true in quotes": Wrong(
        {"transforms/consistent": "true"}, "expected true or false, got 'true'; take the quotes away", "consistent"
    ),
    "yes": Wrong({"transforms/consistent": "yes"}, "expected true or false, got 'yes'; write true", "consistent"),
    "one for true": Wrong({"transforms/consistent": 1}, "expected true or false, got 1", "consistent"),
    "number for a name": Wrong({"name": 3}, "name: expected text, got 3; write it in quotes: '3'", "name: 3"),
    "one for a list of one": Wrong({"grid/0/models": "small"}, "expected a list, got 'small'; write [small]", "models"),
    "one ratio": Wrong({"grid/0/ratios": 0.5}, "grid.0.ratios: expected a list, got 0.5; write [0.5]", "ratios"),
    "a grid that is no list": Wrong({"grid": {"dataset": "mime"}}, "grid: expected a list", "grid"),
    "a block that is text": Wrong({"grid/0": "mime"}, "grid.0: expected a section (key: value)", "- mime"),
    "ablations as a list": Wrong({"ablations": ["vanilla"]}, "ablations: expected a section (key: value)", "ablations"),
    "number for mixup": Wrong({"training/mixup": 0.8}, "with keys such as alpha, prob, got 0.8", "mixup: 0.8"),
    "ladder of one": Wrong({"ladders/recipe": "vanilla"}, "expected a list of ablations, or {rows", "recipe: vanilla"),
    "row that is a number": Wrong({"ladders/recipe": [1]}, "recipe.0: expected an ablation's name, or {abl", "- 1"),
    "one number for a pair": Wrong({"transforms/scale": 0.5}, "expected a list of 2 numbers, got 0.5", "scale"),
    "three numbers for a pair": Wrong({"transforms/scale": [0.5, 0.6, 1]}, "list of 2 numbers, got [0.5, 0.6", "scale"),
    "text in a pair": Wrong(
        {"transforms/scale": ["low", 1]}, "transforms.scale.0: expected a number, got 'low'", "low"
    ),
    "two channels": Wrong(
        {"models/small/normalisation": {"mean": [1, 2], "std": [1, 1, 1]}}, "list of 3 numbers, got [1, 2]", "mean"
    ),
    # null
    "null section": Wrong({"training": None}, "such as accumulation, batch_size, clip_norm", "training: null"),
    "null model": Wrong({"models/small": None}, "got nothing (null); give it a value", "small: null"),
    "null grid": Wrong({"grid": None}, "grid: expected a list, got nothing (null)", "grid"),
    "null ablations": Wrong({"ablations": None}, "ablations: expected a section (key: value), got not", "ablations"),
    "null stage": Wrong({"ablations/two_stage/stages": [None]}, "stages.0: expected a section", "- null"),
    "null in an ablation": Wrong(
        {"ablations/mixup/training": None}, "mixup.training: expected a sect", "training: null"
    ),
    # ranges
    "ratio 0": Wrong({"grid/0/ratios": [0]}, "grid.0.ratios.0: expected a number above 0, got 0", "- 0"),
    "ratio 1.5": Wrong({"grid/0/ratios": [1.5]}, "grid.0.ratios.0: expected a number of at most 1, got 1.5", "- 1.5"),
    "train ratio 1.5": Wrong({"grid/0/train_ratio": 1.5}, "full, random or a number in (0, 1], got 1.5", "train_ratio"),
    "train ratio misspelt": Wrong({"grid/0/train_ratio": "matchd"}, "did you mean matched?", "train_ratio: matchd"),
    "negative seed": Wrong({"grid/0/seeds": [-1]}, "grid.0.seeds.0: expected a number of at least 0, got -1", "- -1"),
    "seed of 33 bits": Wrong({"grid/0/seeds": [2**32]}, "expected a number below 4294967296", "- 4294967296"),
    "fewer than no epochs": Wrong(
        {"training/epochs": -1}, "epochs: expected a number of at least 0, got -1", "epochs: -1"
    ),
    "no epochs from scratch": Wrong(
        {"training/epochs": 0},
        "training.epochs: 0 only evaluates pretrained weights, and small may start from scratch",
        "epochs: 0",
        "what a recipe comes to",
    ),
    "no epochs in a stage": Wrong(
        {"ablations/mixup/stages": [{"epochs": 0}]},
        "mixup.stages.0.epochs: 0, but a further stage trains; expected at least 1",
        "epochs: 0",
        "that a stage trains",
    ),
    "all warmup": Wrong({"training/warmup": 1}, "warmup: expected a number below 1, got 1", "warmup"),
    "decimals below 0": Wrong(
        {"tables": {"decimals": -1}}, "tables.decimals: expected a number of at least", "decimals"
    ),
    "odd number of videos": Wrong({"datasets/mime/num_videos": 25}, "expected a multiple of 2, got 25", "num_videos"),
    "more than the frame": Wrong({"transforms/scale": [0.8, 1.2]}, "scale.1: expected a number of at most 1", "- 1.2"),
    "no test split": Wrong(
        {"datasets/mime": OWN_CLIPS | {"test": {"fraction": 0}}}, "test: a test split of fraction 0 leaves", "test:"
    ),
    "not a number": Wrong(
        {"training/learning_rate": float("nan")}, "expected a finite number, got nan", ".nan", "JSON has no NaN"
    ),
    "infinity": Wrong(
        {"training/learning_rate": float("inf")}, "expected a finite number, got inf", ".inf", "JSON has no infinity"
    ),
    "ratio that is no number": Wrong(
        {"grid/0/train_ratio": float("nan")}, "or a number in (0, 1], got nan", "train_ratio", "JSON has no NaN"
    ),
    # frame stores
    "unknown store": Wrong(
        {"datasets/mime/store": "jpg"}, "store: expected none, raw, jpeg, packed-frames or {kind: ..}, got 'jpg'", "jpg"
    ),
    "quality 0": Wrong(
        {"datasets/mime/store": {"kind": "jpeg", "quality": 0}},
        "quality: expected a number of at least 1, got 0",
        "quality",
    ),
    "quality of raw": Wrong(
        {"datasets/mime/store": {"kind": "raw", "quality": 95}},
        "store.quality: raw has none; it is an option of jpeg",
        "quality",
        SIZES,
    ),
    "size of packed frames": Wrong(
        {"datasets/mime/store": {"kind": "packed-frames", "short_side": 256}},
        "store.short_side: packed-frames has none; it is an option of raw and jpeg",
        "short_side",
        SIZES,
    ),
    "misspelt key of a store": Wrong(
        {"datasets/mime/store": {"kind": "jpeg", "qualty": 95}},
        "store.qualty: unknown key; did you mean quality?",
        "qualty",
    ),
    # emptiness
    "empty grid": Wrong({"grid": []}, "grid: expected at least 1 entry, got []", "grid: []"),
    "empty ladder": Wrong({"ladders/recipe": []}, "ladders.recipe: expected at least 1 entry, got []", "recipe: []"),
    "no seeds": Wrong({"grid/0/seeds": []}, "grid.0.seeds: expected at least 1 entry, got []", "seeds: []"),
    "no models": Wrong({"models": {}}, "models: expected at least 1 entry, got {}", "models: {}"),
    "empty root": Wrong({"datasets/mime": OWN_CLIPS | {"root": ""}}, "expected text that is not empty", "root"),
    # words
    "unknown layout": Wrong(
        {"datasets/mime/layout": "mimes"},
        "expected mime, class_folders, ucf101, hmdb51, hmdb51_frames or label_csv, got 'mimes'; did",
        "mimes",
    ),
    "no layout": Wrong({"datasets/mime": {"layuot": "mime"}}, "under `layout:`, found `layuot:`", "mime:"),
    "unknown family": Wrong({"models/small/family": "tinn"}, "small.family: expected transformers", "family: tinn"),
    "unknown architecture": Wrong({"models/small/architecture": "vi"}, "small.architecture: expected videomae", ": vi"),
    "architecture of another family": Wrong(
        {"models/small/family": "timm"},
        "small.architecture: videomae is of the family transformers, not of timm",
        "architecture: videomae",
        "which family an architecture is of",
    ),
    "weights of a frame model": Wrong(
        {"models/small": FRAMES | {"weights": "folder"}},
        "small.weights: no folder 'folder'; expected scratch, the folder or file of a checkpoint, or hub:",
        "weights: folder",
        "which folders there are",
    ),
    "tubelet of a frame model": Wrong(
        {"models/small": FRAMES, "ablations/mixup/model": {"tubelet_size": 2}},
        "mixup.model.tubelet_size: small (vit) cannot honour it; it takes num_frames, frame_size, dropout,",
        "tubelet_size: 2",
        TAKES,
    ),
    "layers of a model by name": Wrong(
        {"models/small": NAMED | {"num_layers": 2}}, "small.num_layers: small (resnet18) cannot honour", "2", TAKES
    ),
    "drop_path of VideoMAE": Wrong({"models/small/drop_path": 0.1}, "small.drop_path: small (videomae)", "0.1", TAKES),
    "time of VideoMAE": Wrong({"models/small/temporal": "lstm"}, "small.temporal: small (videomae)", "lstm", TAKES),
    "frames for SlowFast": Wrong(
        {"models/small": SLOWFAST | {"num_frames": 10}}, "num_frames 10 is not divisible by 4", "num_frames: 10", TAKES
    ),
    "a frame too small": Wrong(
        {"models/small": SLOWFAST | {"architecture": "x3d_s", "frame_size": 16}},
        "small.frame_size: frame_size 16 is too small; this model needs 32 at least",
        "frame_size: 16",
        TAKES,
    ),
    "patches that its name tells": Wrong(
        {"models/small": NAMED | {"architecture": "vit_tiny_patch16_224", "frame_size": 40}},
        "small.frame_size: frame_size 40 is not divisible by 16",
        "frame_size: 40",
        TAKES,
    ),
    "heads too narrow for rotary positions": Wrong(
        {"models/small/architecture": "vjepa2", "models/small/num_heads": 8},
        "hidden_size 32 is less than 6 for each of num_heads 8",
        "hidden_size: 32",
        TAKES,
    ),
    "heads over time": Wrong(
        {"models/small": FRAMES | {"temporal": "transformer", "temporal_heads": 5}},
        "hidden_size 32 is not divisible by temporal_heads 5",
        "hidden_size: 32",
        SIZES,
    ),
    "misspelt name of timm": Wrong(
        {"models/small": NAMED | {"architecture": "vit_smal_patch16_224"}},
        "expected vit or an image model of timm, got 'vit_smal_patch16_224'; did you mean vit_small_patch16_224?",
        "architecture: vit_smal",
        "the names of timm's models",
    ),
    "a name of timm with the tag of weights": Wrong(
        {"models/small": NAMED | {"architecture": "resnet18.a1_in1k"}},
        "write resnet18, what follows names its weights",
        "architecture: resnet18.a1_in1k",
        "the names of timm's models",
    ),
    "no such weights": Wrong(
        {"models/small/weights": "scrach"},
        "no folder 'scrach'; expected scratch, the folder or file",
        "scrach",
        "which folders there are",
    ),
    "no repository of the hub": Wrong(
        {"models/small/weights": "hub:videomae"}, "expected hub:ORG/NAME or hub:ORG/NAME@REVISION", "hub:", "its form"
    ),
    "no fallback": Wrong({"models/small/fallback": "scratch"}, "small.fallback: expected a list", "fallback: scratch"),
    "unknown window": Wrong({"grid/0/windows": ["suffix"]}, "grid.0.windows.0: expected prefix", "- suffix"),
    "unknown schedule": Wrong({"training/schedule": "Cosine"}, "got 'Cosine'; did you mean cosine?", "Cosine"),
    "unknown choice": Wrong({"training/select": "worst"}, "expected best or last, got 'worst'", "worst"),
    "three classes": Wrong({"datasets/mime/num_classes": 3}, "expected 2, 4, 6, 8, 10 or 12, got 3", "num_classes"),
    "unknown normalisation": Wrong({"models/small/normalisation": "imagenot"}, "did you mean imagenet?", "imagenot"),
    # names
    "a shared folder's name": Wrong({"name": "data"}, "name: the name 'data' is taken by a shared folder", "name"),
    "slash in a name": Wrong({"name": "a/b"}, "name: expected a name of letters, digits, _ -", "name"),
    "parent folder as a name": Wrong({"name": ".."}, "name: expected a name of letters, digits, _ -", "name"),
    "blank in a name": Wrong({"ablations/a b": {}}, "ablations.a b: expected a name of letters, digits", "a b:"),
    "endless name": Wrong({"name": "a" * 300}, "name: expected text of at most 100 characters", "name"),
    "braces in a folder": Wrong({"results_dir": "a{b}"}, "results_dir: braces are Snakemake's wildcards", "a{b}"),
    # references
    "missing parent": Wrong(
        {"ablations/mixup/extends": "vanila"}, "no ablation is called 'vanila'; did you mean vanilla?", "vanila", NAMES
    ),
    "missing model": Wrong({"grid/0/models": ["big"]}, "no model is called 'big'; known: small", "- big", NAMES),
    "missing data set": Wrong({"grid/0/dataset": "mine"}, "called 'mine'; did you mean mime?", "dataset: mine", NAMES),
    "missing model of a ladder": Wrong(
        {"ladders/recipe": {"rows": ["vanilla"], "model": "smal"}}, "did you mean small?", "model: smal", NAMES
    ),
    "missing row": Wrong({"ladders/recipe": ["vanila"]}, "recipe.0: no ablation is called 'vanila'", "- vanila", NAMES),
    "missing model of a row": Wrong(
        {"ladders/recipe": [{"ablation": "vanilla", "model": "smal"}]}, "did you mean small?", "model: smal", NAMES
    ),
    "circle": Wrong(
        {"ablations/vanilla": {"extends": "six_views"}},
        "ablations.vanilla.extends: extends itself in a circle: vanilla -> six_views -> two_stage -> mixup -> vanilla",
        "extends: six_views",
        NAMES,
    ),
    "its own parent": Wrong({"ablations/vanilla": {"extends": "vanilla"}}, "circle: vanilla -> v", "extends", NAMES),
    "row without runs": Wrong(
        {"ladders/recipe": {"rows": ["vanilla"], "train_ratio": "random"}},
        "recipe.rows.0: row vanilla has no run in the grid with train_ratio random; add it to a grid block or take",
        "- vanilla",
        SIZES,
    ),
    "missing ablation to draw": Wrong(
        {"attention": {"ablations": ["mixop"]}},
        "attention.ablations.0: no ablation is called 'mixop'",
        "- mixop",
        NAMES,
    ),
    "ratio without a run to draw": Wrong(
        {"attention": {"ratios": [1.0, 0.3]}},
        "attention.ratios.1: no run of the grid has 0.3; there is 0.5",
        "0.3",
        NAMES,
    ),
    "no run of both to draw": Wrong(
        {"attention": {"ablations": ["mixup"], "ratios": [0.5]}},
        "attention: no run of the grid is of all of ablations, ratios; take one of them out",
        "attention:",
        NAMES,
    ),
    "attention that cannot be drawn": Wrong(
        {"models/fast": SLOWFAST, "grid/1/models": ["fast"], "attention": {"models": ["small", "fast"]}},
        "attention.models.1: the attention of fast (slowfast_r50) cannot be drawn; it can for videomae, vivit, vit, simple",
        "- fast",
        TAKES,
    ),
    "attention that cannot be drawn, of all": Wrong(
        {"models/fast": SLOWFAST, "grid/1/models": ["fast"], "attention": {}},
        "attention: the attention of fast (slowfast_r50) cannot be drawn",
        "attention:",
        TAKES,
    ),
    "no videos to draw": Wrong(
        {"attention": {"videos": 0}}, "attention.videos: expected a number from 1 to 20", "videos"
    ),
    "a video drawn twice": Wrong(
        {"attention": {"videos": ["a", "a"]}}, "or a list of so many different ids of test videos", "videos", SIZES
    ),
    # more than one key
    "frames not in tubelets": Wrong(
        {"models/small/num_frames": 5}, "small.num_frames: num_frames 5 is not divisible by tubelet_size 2", "5", SIZES
    ),
    "tubelet of an ablation": Wrong(
        {"ablations/vanilla/model": {"tubelet_size": 3}}, "vanilla.model.tubelet_size: num_frames 4", "size: 3", SIZES
    ),
    "inherited frames": Wrong(
        {"ablations/mixup/model": {"num_frames": 7}},
        "mixup.model.num_frames: num_frames 7 is not",
        "num_frames: 7",
        SIZES,
    ),
    "heads": Wrong({"models/small/num_heads": 5}, "hidden_size 32 is not divisible by num_heads 5", "hidden", SIZES),
    "part of a model": Wrong(
        {"training/trainable": "heads"},
        "expected all, head or last_N, as last_3, got 'heads'; did you mean head?",
        "heads",
    ),
    "part from an epoch": Wrong(
        {"training/trainable": [{"from_epoch": 1, "part": "last_0"}]},
        "expected all, head or last_N, as last_3",
        "last_0",
    ),
    "no first epoch": Wrong(
        {"training/trainable": [{"from_epoch": 2, "part": "all"}]},
        "expected from_epoch 1 first, and rising, got [2]",
        "trainable",
        SIZES,
    ),
    "unfreezing after the end": Wrong(
        {
            "training/trainable": [{"from_epoch": 1, "part": "head"}, {"from_epoch": 3, "part": "all"}],
            "grid": tiny_study()["grid"][1:],
            "ladders": {},
        },
        "from_epoch 3 comes after the last epoch, 2",
        "trainable",
        SIZES,
    ),
    "too many blocks": Wrong(
        {"training/trainable": "last_2"},
        "last_2 asks for more blocks than the model has, 1",
        "trainable",
        SIZES,
    ),
    "moving average of 1": Wrong({"training/ema": 1}, "expected a number below 1, got 1", "ema"),
    "early stopping without validation": Wrong(
        {
            "datasets/mime/validation/fraction": 0,
            "training": {"epochs": 9, "select": "last", "early_stopping": {"patience": 2}},
            "grid": tiny_study()["grid"][1:],
            "ladders": {},
        },
        "grid.0: small vanilla has early_stopping, but data set mime has no validation",
        "- dataset",
        SIZES,
    ),
    "best without validation": Wrong(
        {"datasets/mime/validation/fraction": 0, "grid": tiny_study()["grid"][1:], "ladders": {}},
        "grid.0: small vanilla has select: best, but data set mime has no validation",
        "- dataset",
        SIZES,
    ),
    "rising cosine": Wrong(
        {"training/min_learning_rate": 1.0, "ablations/two_stage/stages": []},
        "training.min_learning_rate: min_learning_rate 1 is above learning_rate 0.001",
        "min_learning_rate",
        SIZES,
    ),
    "hue": Wrong(
        {"transforms/colour_jitter": {"hue": 0.6}},
        "colour_jitter.hue: expected a number of at most 0.5, got 0.6",
        "hue",
    ),
    "brightness": Wrong(
        {"transforms/colour_jitter": {"brightness": 1.5}},
        "colour_jitter.brightness: expected a number of at most 1, got 1.5",
        "brightness",
    ),
    "magnitude": Wrong(
        {"transforms/rand_augment": {"magnitude": 31}},
        "rand_augment.magnitude: expected a number of at most 30, got 31",
        "magnitude",
    ),
    "small scale": Wrong({"evaluation/scales": [0.5]}, "scales.0: expected a number of at least 0.875, got 0.5", "0.5"),
    "same scales": Wrong({"evaluation/scales": [1, 1.2, 1.0]}, "expected different factors", "scales"),
    "whole frame": Wrong(
        {"evaluation/scales": [0.9, 1], "transforms/test_resize": "square", "ablations/six_views/evaluation/crops": 1},
        "evaluation.scales: 0.9 is below 1, but test_resize: square shows the whole frame at 1",
        "scales",
        SIZES,
    ),
    "squares of squares": Wrong(
        {"transforms/test_resize": "square"},
        "six_views.evaluation.crops: 3 crops are squares of a frame whose proportions stay",
        "crops",
        SIZES,
    ),
    "nothing to mix": Wrong(
        {"models/small/training/batch_size": 1},
        "mixup mixes the clips of a micro-batch, and batch_size is 1; write 2 or more",
        "mixup",
        SIZES,
    ),
    "falling scale": Wrong({"transforms/scale": [1.0, 0.8]}, "expected [smallest, largest]", "scale", PAIR),
    "falling duration": Wrong(
        {"datasets/mime/duration_sec": [3, 1]}, "mime.duration_sec: expected [shortest, longest]", "duration", PAIR
    ),
    "few videos": Wrong(
        {"datasets/mime/num_videos": 8}, "num_videos: expected at least 2 for each of 6", "num_videos", SIZES
    ),
    "no group": Wrong(
        {"datasets/mime": OWN_CLIPS | {"group_pattern": "a+"}},
        "group_pattern: expected exactly one (group) in 'a+', found 0",
        "group_pattern",
        "what a regular expression holds",
    ),
}


def refused(path: Path, *edits: str) -> list[str]:
    """The problems of a study that must be refused, in plain words and in time."""
    start = time.process_time()  # the machine may be busy with others
    with pytest.raises(StudyError) as caught:
        study.load(str(path), list(edits))
    assert time.process_time() - start < LONGEST_SEC
    assert str(path) in str(caught.value)
    for line in caught.value.problems:
        assert not JARGON.search(line), line
        assert len(line) < 500
    return caught.value.problems


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "study.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    return path


def line_of(problem: str, path: Path) -> str:
    number = int(re.match(r"line (\d+): ", problem)[1])
    return path.read_text().splitlines()[number - 1]


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_wrong_study_is_told_once_with_line_key_and_what_was_expected(tmp_path, wrong):
    path = written(tmp_path, yaml.safe_dump(wrong.tree(), sort_keys=False))
    found = refused(path)
    assert wrong.says in found[0]
    assert wrong.at in line_of(found[0], path)
    if wrong.says != "missing":
        assert len(found) == 1, found


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_an_editor_finds_what_a_schema_can_say(wrong):
    assert EDITOR.is_valid(wrong.tree()) == bool(wrong.only_partway)


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9)
)
MERGE_BOMB = "a0: &a0 {x: 1}\n" + "".join(
    f"a{i}: &a{i}\n  <<: [{', '.join([f'*a{i - 1}'] * 9)}]\n  b{i}: 1\n" for i in range(1, 9)
)
LONG_MERGE = "a0: &a0 {x: 1}\n" + "".join(f"a{i}: &a{i} {{<<: *a{i - 1}}}\n" for i in range(1, 3000)) + "<<: *a2999\n"
TEXTS = {  # what is no study, or no YAML: content, part of a problem, the line it names
    "empty": ("", "expected a mapping with name, datasets, models, ablations and grid, got nothing", 1),
    "only a comment": ("# a study\n", "got nothing", 1),
    "a list": ("- 1\n- 2\n", "expected a mapping with name, datasets, models, ablations and grid, got a list", 1),
    "a word": ("study", "got a single value", 1),
    "not closed": (TEXT + "question: [1, 2\n", "the bracket that opens in line {end} is never closed", "end"),
    "quote not closed": (TEXT.replace("tiny", "'tiny", 1), "the quote that opens in line 1 is never closed", 1),
    "bracket value without quotes": (TEXT + "question: [why] not\n", "put texts that begin with a bracket", "end"),
    "colon in a text": (TEXT + "question: which: this?\n", "put texts that hold `: ` in quotes", "end"),
    "no blank after the colon": (TEXT.replace("epochs: 2", "epochs:2", 1), "a missing blank after the `:`", 33),
    "percent sign": (TEXT + "question: %a\n", "a value cannot begin with %; put it in quotes", "end"),
    "tab": ("name: a\ntraining:\n\tepochs: 1\n", "a tab; YAML wants spaces", 3),
    "tab before a value": ("name:\ta\n", "a tab; YAML wants spaces", 1),
    "two documents": (TEXT + "---\n" + TEXT, "a second document begins here (---)", "end"),
    "anchor twice": (TEXT + "question: [&a 1, &a 2]\n", "an anchor (&name) that was already given", "end"),
    "no anchor": (TEXT + "question: &why a\nlabel: *wy\n", "no anchor &wy stands above; did you mean why?", 85),
    "circle of anchors": (TEXT + "question: &a [*a]\n", "question.0: an anchor that holds itself", "end"),
    "circle of merges": (TEXT + "figures: &a {<<: *a}\n", "an anchor that holds itself", "end"),
    "merge of a number": (TEXT + "figures: {<<: 3}\n", "expected an anchor of a mapping behind `<<:`", "end"),
    "duplicate key": (TEXT + "name: b\n", "name is written 2 times (lines 1, 84)", "end"),
    "nested duplicate": ("a: 1\nb: {c: 1,\n    c: 2}\n", "b.c is written 2 times (lines 2, 3)", 3),
    "list as a key": (TEXT + "? [a, b]\n: 2\n", "expected plain text before the `:`", "end"),
    "number as a key": (TEXT + "1: 2\n", "1: unknown key; known: ablations", "end"),
    "half a character": (TEXT + 'question: "\\ud800"\n', "question: expected text that can be saved as UTF-8", "end"),
    "half a character in a key": (TEXT + '"\\ud800": 1\n', "expected plain text before the `:`", "end"),
    "no such character": (TEXT + 'question: "\\UFFFFFFFF"\n', "an escape like", "end"),
    "unknown escape": (TEXT + 'question: "\\q"\n', "unknown escape character 'q'", "end"),
    "tag of Python": (TEXT + "question: !!python/object/apply:os.system [ls]\n", "the tag !!python/object", "end"),
    "tag of one's own": (TEXT + "question: !why 3\n", "question: the tag !why means nothing in a study", "end"),
    "tag that does not fit": (TEXT + "figures: {dpi: !!int x}\n", "figures.dpi: expected a number of at most", "end"),
    "5,000 digits": (TEXT.replace("epochs: 2", f"epochs: {'9' * 5000}", 1), "number of at most 18 digits", 32),
    "control character": (TEXT + "question: \a\n", "the character U+0007 cannot stand in a text file", "end"),
    "not UTF-8": (TEXT.encode() + "question: café\n".encode("latin-1"), "byte 0xe9 is not UTF-8; save the", "end"),
    "UTF-16": (TEXT.encode("utf-16"), "byte 0xff is not UTF-8; save the file as UTF-8", 1),
    "binary": (bytes(range(256)) * 40, "byte 0x80 is not UTF-8", 2),
    "zip": (b"PK\x03\x04" + bytes(200), "the character U+0003 cannot stand in a text file", 1),
    "10 MB": ("name: " + "x" * 10_000_000, "more than 1 MB: too large for a study; is it the right file?", None),
    "half a million ones": ("name: [" + "1," * 490_000 + "]", "more than 25,000 values; is this the right file?", 1),
    "90,000 keys": ("".join(f"k{i}: 1\n" for i in range(90_000)), "more than 25,000 values", 12_500),
    "100,000 brackets": ("[" * 100_000, "more than 50 levels deep; is this the right file?", 1),
    "100,000 braces": ("{" * 100_000, "more than 50 levels deep", 1),
    "100,000 dashes": ("- " * 100_000, "more than 50 levels deep", 1),
    "1,000 levels": ("".join(f"{' ' * i}a:\n" for i in range(1000)), "more than 50 levels deep", 50),
    "billion laughs": (BOMB, "anchors that repeat to more than 25,000 values", None),
    "billion laughs in a study": (TEXT + BOMB, "anchors that repeat to more than 25,000 values", None),
    "billion laughs of merges": (MERGE_BOMB, "a8: unknown key", 23),
    "3,000 merges deep": (LONG_MERGE, "merges of merges, more than 50 levels deep", None),
    "5,000 misspelt keys": (TEXT + "evaluation:\n" + "".join(f"  crop{i}: 1\n" for i in range(5000)), "crop0: unk", 85),
}


@pytest.mark.parametrize("content, says, line", TEXTS.values(), ids=TEXTS)
def test_what_is_no_study_is_told_fast_and_by_line(tmp_path, content, says, line):
    end = TEXT.count("\n") + 1
    found = refused(written(tmp_path, content))
    told = [problem for problem in found if says.format(end=end) in problem]
    assert told, found[:5]
    if line is not None:
        assert told[0].startswith(f"line {end if line == 'end' else line}: ")


@pytest.mark.parametrize(
    "text",
    [
        TEXT.encode("utf-8-sig"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        ("---\n" + TEXT + "...\n").encode(),
        ("%YAML 1.2\n---\n" + TEXT).encode(),
        TEXT.replace("epochs: 2", "epochs: 2.0").encode(),
        TEXT.replace("epochs: 2", "epochs: 0.2e1").encode(),
        TEXT.replace("epochs: 2", "epochs: !!int 2").encode(),
        (TEXT + "question: '\U0001f600 ä'\n").encode(),
    ],
    ids=["BOM", "Windows", "old Mac", "one document", "YAML 1.2", "2.0", "0.2e1", "!!int", "UTF-8"],
)
def test_what_looks_odd_and_is_right(tmp_path, text):
    right = study.load(str(written(tmp_path, TEXT)))
    assert study.load(str(written(tmp_path, text))).trainings == right.trainings


def test_lines_are_counted_alike_with_windows_line_ends(tmp_path):
    found = refused(written(tmp_path, TEXT.replace("epochs: 2", "epoks: 2", 1).replace("\n", "\r\n")))
    assert found[0].startswith("line 32: training.epoks: ")


def test_files_that_cannot_be_read(tmp_path, monkeypatch):
    path = written(tmp_path, TEXT)
    assert refused(tmp_path / "stdy.yaml") == ["no such file; did you mean study.yaml?"]
    assert refused(tmp_path) == ["not a file; expected a study file in YAML"]
    assert "cannot be read: File name too long" in refused(tmp_path / ("a" * 300))[0]

    def locked(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", locked)  # for root, no file is without read permission
    assert refused(path) == ["cannot be read: Permission denied"]


def test_all_problems_come_at_once_in_the_order_of_the_file(tmp_path):
    tree = tiny_study()
    tree["training"] |= {"epoks": 3, "learning_rate": "fast"}
    tree["ablations"]["mixup"]["extends"] = "vanila"
    tree["grid"][0] |= {"ratios": [0, 0.5, 1.5], "seeds": [-1]}
    tree["grid"][1]["models"] = ["big"]
    tree["ladders"]["recipe"].append("nothing")
    text = yaml.safe_dump(tree, sort_keys=False) + "name: again\n"
    found = refused(written(tmp_path, text))
    keys = [line.split(": ")[1] for line in found]
    assert keys == [
        *("training.learning_rate", "training.epoks", "ablations.mixup.extends", "ladders.recipe.4"),
        *(
            "grid.0.ratios.0",
            "grid.0.ratios.2",
            "grid.0.seeds.0",
            "grid.1.models.0",
            "name is written 2 times (lines 1, 87)",
        ),
    ]


def test_what_is_right_by_itself_is_checked_as_a_whole_beside_other_errors(tmp_path):
    tree = tiny_study()
    tree["ablations"]["six_views"]["trainng"] = {}
    tree["models"]["small"]["num_frames"] = 5
    tree["ladders"]["other"] = {"rows": ["vanilla"], "train_ratio": "random"}
    found = "\n".join(refused(written(tmp_path, yaml.safe_dump(tree, sort_keys=False))))
    assert "six_views.trainng: unknown key; did you mean training?" in found
    assert "num_frames 5 is not divisible by tubelet_size 2" in found
    assert "ladders.other.rows.0: row vanilla has no run" in found
    assert found.count("\n") == 2


def test_two_circles_and_who_leads_into_one(tmp_path):
    tree = tiny_study()
    tree["ablations"] |= {"a": {"extends": "b"}, "b": {"extends": "a"}, "c": {"extends": "a"}, "d": {"extends": "d"}}
    found = refused(written(tmp_path, yaml.safe_dump(tree, sort_keys=False)))
    assert [line.partition("circle: ")[2] for line in found] == ["a -> b -> a", "d -> d"]


def test_a_thousand_problems_are_counted_and_a_hundred_told(tmp_path):
    path = written(tmp_path, TEXT + "figures:\n" + "".join(f"  dpi{i}: 1\n" for i in range(1000)))
    with pytest.raises(StudyError) as caught:
        study.load(str(path))
    assert len(caught.value.problems) == 1000
    assert len(str(caught.value).splitlines()) == 102
    assert str(caught.value).endswith("... and 900 more")


def test_deep_chains_of_ablations_resolve_in_time(tmp_path):
    tree = tiny_study()
    tree["ablations"] |= {f"c{i}": {"extends": f"c{i - 1}" if i else "vanilla"} for i in range(2000)}
    tree["grid"][1]["ablations"] = ["c1999"]
    path = written(tmp_path, yaml.safe_dump(tree, sort_keys=False))
    start = time.process_time()
    assert study.load(str(path)).runs
    assert time.process_time() - start < 5


WRONG_EDITS = {
    "no value": ("training.epochs", "expected path=value"),
    "no path": ("=3", "expected path=value"),
    "list without quotes": ("[grid.*.ratios=[0.1, 0.5]]", """as 'set=["a=1", "grid.*.ratios=[0.1, 0.5]"]'"""),
    "half a list": ("grid.*.ratios=[0.1,", "for a list write 'grid.*.ratios=[0.1, 0.5]'"),
    "deep value": ("training.epochs=" + "[" * 100_000, "the value is not YAML (more than 50 levels deep"),
    "escape": ('question="\\UFFFFFFFF"', "the value is not YAML"),
    "endless number": ("training.epochs=" + "9" * 5000, "expected a number of at most 18 digits"),
    "tag": ("training.epochs=!!python/none x", "the tag !!python/none means nothing"),
    "no such ablation": ("ablations.mixop.training.epochs=3", "nothing in the study matches"),
    "nearest ablation": ("ablations.mixop.training.epochs=3", "did you mean mixup?"),
    "no such block": ("grid.7.seeds=[1]", "grid has the entries 0 to 1, and * stands for all"),
    "odd digit": ("grid.².seeds=[1]", "nothing in the study matches"),
    "below a number": ("training.epochs.*=3", "nothing in the study matches"),
    "below a text": ("name.*.a=3", "nothing in the study matches"),
    "no such row": ("ladders.*.rows.9=vanilla", "nothing in the study matches"),
    "5,000 levels": (".".join(["a"] * 5000) + "=1", "no study is 4999 levels deep"),
    "misspelt key": ("training.epoch=3", "did you mean epochs?"),
    "ratio 2": ("grid.*.ratios=[2]", "expected a number of at most 1, got 2"),
    "list for a number": ("training.epochs=[3]", "training.epochs: expected a whole number, got [3]"),
}


@pytest.mark.parametrize("edit, says", WRONG_EDITS.values(), ids=WRONG_EDITS)
def test_wrong_edits_name_themselves(tmp_path, edit, says):
    found = refused(written(tmp_path, TEXT), edit)
    assert all(says in line and f"set={edit!r}"[:150] in line for line in found)


def test_an_edit_of_one_block_leaves_the_others(tmp_path):
    edited = study.load(str(written(tmp_path, TEXT)), ["grid.*.seeds=[4, 5]", "grid.0.seeds.0=6"])
    assert {run.seed for run in edited.runs if run.train_ratio == "matched"} == {5, 6}
    assert {run.seed for run in edited.runs if run.train_ratio == "full"} == {4, 5}


@pytest.mark.parametrize("key", [*tiny_study(), "attention", "transforms", "tables", "question", "results_dir"])
@pytest.mark.parametrize("value", [None, 3, "text", [1, "two"], {"a": {"b": 1}}, True, [[]], [{}]], ids=repr)
def test_any_key_may_hold_anything_and_the_error_is_a_study_error(tmp_path, key, value):
    tree = tiny_study() | {key: value}
    path = written(tmp_path, yaml.safe_dump(tree, sort_keys=False))
    try:
        study.load(str(path))
    except StudyError as error:
        assert any(key in line for line in error.problems)
        assert not any(JARGON.search(line) for line in error.problems)
    else:
        assert EDITOR.is_valid(tree)
