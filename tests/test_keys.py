"""Keys: equal settings are one key, names are in none, and neither defaults nor keys move unnoticed."""

import copy
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import tiny_study
from partway import keys, schema, schema_clips, schema_data, schema_store, schema_training, study

GOLDEN = Path(__file__).parent / "golden" / "keys.json"
MODULES = (schema, schema_clips, schema_data, schema_store, schema_training)
SECTIONS = (
    *("SplitOff", "MimeOptions", "ModelOptions", "Sampling", "Transforms", "Mixup", "Training", "Evaluation"),
    *("Cutmix", "EarlyStopping", "TrainableFrom", "ColourJitter", "RandAugment"),
    *("Ablation", "GridBlock", "ClassFolders", "FrameStore", "TableOptions", "FigureOptions"),
)


def load(tmp_path: Path, tree: dict) -> study.Study:
    path = tmp_path / "study.yaml"
    path.write_text(json.dumps(tree))
    return study.load(str(path))


def test_numbers_have_one_spelling():
    assert keys.canonical_json({"b": 1.0, "a": 5e-5}) == keys.canonical_json({"a": 0.00005, "b": 1})
    assert keys.canonical_json({"a": (1, 2.5)}) == '{"a":[1,2.5]}'
    assert keys.canonical_json(True) != keys.canonical_json(1)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_and_infinity_are_in_no_key(value):
    with pytest.raises(ValueError, match="cannot be part of a key"):
        keys.canonical_json({"a": value})


@given(st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text()))
def test_canonical_json_keeps_every_difference(tree):
    assert json.loads(keys.canonical_json(tree)) == json.loads(json.dumps(tree))
    other = {**tree, "one more": 1}
    assert keys.key_of(tree) == keys.key_of(dict(reversed(tree.items())))
    assert (keys.key_of(tree) == keys.key_of(other)) == (tree == other)


def test_data_key_knows_names_and_sizes_but_not_their_order():
    listing = [("wave/a.avi", 10), ("clap/b.avi", 20)]
    key = keys.data_key("class_folders", {}, listing)
    assert key == keys.data_key("class_folders", {}, listing[::-1])
    assert key != keys.data_key("class_folders", {}, [("wave/a.avi", 11), listing[1]])
    assert key != keys.data_key("class_folders", {}, [("wave/c.avi", 10), listing[1]])
    assert key != keys.data_key("class_folders", {"on_bad_video": "skip"}, listing)


@pytest.mark.parametrize("part", keys.NUMERICS)
def test_a_numerics_version_moves_its_own_keys(part, monkeypatch):
    make = {
        "data": lambda: keys.data_key("mime", {}, None),
        "training": lambda: keys.training_key({"seed": 0}),
        "evaluation": lambda: keys.evaluation_key({"split": "test"}),
    }
    before = {name: key() for name, key in make.items()}
    monkeypatch.setitem(keys.NUMERICS, part, keys.NUMERICS[part] + 1)
    moved = {name for name, key in make.items() if key() != before[name]}
    expected = {"data": {"data", "training"}, "model": {"training"}}
    assert moved == expected.get(part, {part})


def folders(resolved: study.Study) -> tuple[set[str], set[str]]:
    return set(resolved.trainings), set(resolved.evaluations)


def test_names_and_labels_are_in_no_key(tmp_path):
    tree = tiny_study()
    other = copy.deepcopy(tree)
    other["models"]["petit"] = other["models"].pop("small")
    other["datasets"]["acts"] = other["datasets"].pop("mime")
    other["ablations"]["plain"] = other["ablations"].pop("vanilla") | {"label": "Plain", "note": "as it comes"}
    other["ablations"]["mixup"]["extends"] = "plain"
    other["ladders"]["recipe"][0] = "plain"
    for block in other["grid"]:
        block |= {"dataset": "acts", "models": ["petit"]}
        block["ablations"] = ["plain" if name == "vanilla" else name for name in block["ablations"]]
    first, second = load(tmp_path, tree), load(tmp_path, other)
    assert folders(first) == folders(second)
    assert first.digest != second.digest


@pytest.mark.parametrize(
    "same",
    [
        {"training": {"epochs": 2, "learning_rate": "5e-4", "accumulation": 2}},
        {"sampling": {"stride": 7}},  # only `strided` has a stride
        {"transforms": {"never_flip": []}},
        {"transforms": {"drop_frames": 0}},
        {"training": {"epochs": 2, "learning_rate": 0.0005, "accumulation": 2, "clip_norm": 1}},
        {"evaluation": {"aggregation": "logits"}},
    ],
)
def test_fields_without_effect_leave_the_key(tmp_path, same):
    tree = tiny_study() | {"training": {"epochs": 2, "learning_rate": 5e-4, "accumulation": 2}}
    tree["ablations"].pop("six_views")
    tree["ladders"]["recipe"].pop()
    tree["grid"][0]["ablations"].pop()
    other = tree | same
    path = tmp_path / "other.yaml"
    path.write_text(json.dumps(other).replace('"5e-4"', "5e-4"))
    assert folders(load(tmp_path, tree)) == folders(study.load(str(path)))


def test_transforms_without_effect_leave_the_key(tmp_path):
    def with_transforms(**transforms) -> tuple:
        return folders(load(tmp_path, tiny_study() | {"transforms": transforms}))

    assert with_transforms(flip=0.0) == with_transforms(flip=0.0, never_flip=["wave"])
    assert with_transforms(crop="random_scale") == with_transforms(crop="random_scale", aspect=[0.9, 1.1])
    assert with_transforms(crop="random_scale") != with_transforms(crop="random_scale", scale=[0.9, 1.0])
    assert with_transforms() != with_transforms(never_flip=["wave"]) != with_transforms(drop_frames=0.1)


def test_colours_and_views_without_effect_leave_the_key(tmp_path):
    def with_sections(**sections) -> tuple:
        return folders(load(tmp_path, tiny_study() | sections))

    def with_transforms(**transforms) -> tuple:
        return with_sections(transforms=transforms)

    still = {"brightness": 0, "contrast": 0, "saturation": 0, "hue": 0}
    assert with_transforms() == with_transforms(colour_jitter=None) == with_transforms(colour_jitter={"prob": 0})
    assert with_transforms() == with_transforms(colour_jitter=still) == with_transforms(rand_augment={"prob": 0})
    assert with_transforms() != with_transforms(colour_jitter={}) != with_transforms(colour_jitter={"hue": 0.2})
    assert with_transforms() != with_transforms(rand_augment={}) != with_transforms(rand_augment={"magnitude": 5})
    fixed = {"crop": "none", "flip": 0.0}
    assert with_transforms(**fixed) == with_transforms(**fixed, consistent=True)
    for colours in ({"colour_jitter": {}}, {"rand_augment": {}}):
        assert with_transforms(**fixed, **colours) != with_transforms(**fixed, **colours, consistent=True)
    assert with_sections() == with_sections(evaluation={"clips": 1, "scales": [1]})
    assert with_sections(evaluation={"scales": [1, 1.2]}) == with_sections(evaluation={"scales": [1.2, 1]})
    plain, several = with_sections(), with_sections(evaluation={"clips": 2, "scales": [1, 1.2]})
    assert plain[0] == several[0]
    assert not plain[1] & several[1]
    assert several != with_sections(evaluation={"clips": 2, "scales": [1, 1.2], "aggregation": "softmax"})


def test_mixup_at_probability_0_leaves_the_key(tmp_path):
    tree = tiny_study()
    other = copy.deepcopy(tree)
    other["ablations"]["vanilla"] = {"training": {"mixup": {"alpha": 3.0, "prob": 0.0}}}
    other["ablations"]["mixup"]["training"]["mixup"]["prob"] = 1.0
    assert folders(load(tmp_path, tree)) == folders(load(tmp_path, other))


def test_an_aggregation_of_one_view_leaves_the_key(tmp_path):
    tree = tiny_study()
    one, two = load(tmp_path, tree), load(tmp_path, tree | {"evaluation": {"aggregation": "softmax"}})
    assert folders(one)[0] == folders(two)[0]
    changed = set(one.evaluations) - set(two.evaluations)
    assert {one.evaluations[folder].spec["views"].get("crops") for folder in changed} == {3}


def test_execution_settings_are_in_no_key(tmp_path):
    tree = tiny_study()
    other = copy.deepcopy(tree)
    other["datasets"]["mime"]["store"] = "raw"
    first, second = load(tmp_path, tree), load(tmp_path, other)
    assert folders(first) == folders(second)
    assert first.digest == second.digest
    for lossless in ("packed-frames", {"kind": "raw"}, {"kind": "raw", "short_side": None}):
        other["datasets"]["mime"]["store"] = lossless
        assert folders(first) == folders(load(tmp_path, other))
    elsewhere = load(tmp_path, tree | {"results_dir": "elsewhere"})
    assert folders(first) == folders(elsewhere)
    assert first.digest != elsewhere.digest  # what is collected names the folder


def test_a_store_with_loss_moves_trainings_and_evaluations_but_not_the_data(tmp_path):
    def with_store(store) -> study.Study:
        tree = copy.deepcopy(tiny_study())
        tree["datasets"]["mime"]["store"] = store
        return load(tmp_path, tree)

    plain, jpeg = with_store("raw"), with_store("jpeg")
    assert plain.datasets["mime"].folder == jpeg.datasets["mime"].folder
    assert jpeg.datasets["mime"].store == "jpeg-q95"
    stores = ["jpeg", {"kind": "jpeg", "quality": 90}, {"kind": "jpeg", "short_side": 32}]
    stores += [{"kind": "raw", "short_side": 32}, {"kind": "raw", "short_side": 24}, "none"]
    made = [folders(with_store(store)) for store in stores]
    for number, (trainings, evaluations) in enumerate(made):
        for others in made[:number]:
            assert not trainings & others[0]
            assert not evaluations & others[1]
    assert folders(with_store({"kind": "jpeg", "quality": 95})) == folders(jpeg)
    assert {json.dumps(training.spec["store"]) for training in jpeg.trainings.values()} == {'{"kind": "jpeg"}'}


def test_two_swapped_values_are_another_key(tmp_path):
    tree = tiny_study() | {"training": {"epochs": 2, "learning_rate": 0.05, "weight_decay": 0.01}}
    other = tree | {"training": {"epochs": 2, "learning_rate": 0.01, "weight_decay": 0.05}}
    assert not folders(load(tmp_path, tree))[0] & folders(load(tmp_path, other))[0]


def vanilla_study() -> dict:
    """The tiny study without ablations that write training options of their own."""
    tree = tiny_study() | {"training": {"epochs": 4, "learning_rate": 5e-4}, "ladders": {}}
    return tree | {"grid": [block | {"ablations": ["vanilla"]} for block in tree["grid"]]}


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ({"cutmix": {"prob": 0}}, {}),
        ({"mixup": {}, "cutmix": {"switch": 0.0}}, {"mixup": {}}),
        ({"mixup": {}, "cutmix": {"switch": 1}}, {"cutmix": {}}),
        ({"mixup": {"prob": 0}, "cutmix": {"switch": 0.9}}, {"cutmix": {}}),
        ({"layer_decay": 1, "head_learning_rate": 5e-4}, {}),
        ({"trainable": "head", "layer_decay": 0.7}, {"trainable": [{"from_epoch": 1, "part": "head"}]}),
        ({"trainable": [{"from_epoch": 1, "part": "all"}, {"from_epoch": 2, "part": "all"}]}, {}),
        ({"weight_decay": 0, "decay_norm_and_bias": False}, {"weight_decay": 0}),
        ({"early_stopping": {"patience": 3}}, {}),  # of four epochs: it could end at the fourth
        ({"schedule": "constant", "min_learning_rate": 1e-5}, {"schedule": "constant"}),
    ],
)
def test_training_options_without_effect_are_in_no_key(tmp_path, written, same):
    tree = vanilla_study()
    trees = [tree | {"training": tree["training"] | options} for options in (written, same)]
    assert len({frozenset(folders(load(tmp_path, tree))[0]) for tree in trees}) == 1


@pytest.mark.parametrize(
    "written",
    [
        *({"cutmix": {}}, {"ema": 0.9}, {"layer_decay": 0.7}, {"head_learning_rate": 1e-3}, {"trainable": "head"}),
        *({"decay_norm_and_bias": False}, {"schedule": "cosine_per_epoch"}, {"early_stopping": {"patience": 2}}),
    ],
    ids=lambda options: next(iter(options)),
)
def test_training_options_with_effect_are_in_the_key(tmp_path, written):
    tree = vanilla_study()
    other = tree | {"training": tree["training"] | written}
    assert not folders(load(tmp_path, tree))[0] & folders(load(tmp_path, other))[0]


def section(name: str) -> type[schema.Section]:
    """A section of the study file, whichever module has it."""
    return next(vars(module)[name] for module in MODULES if name in vars(module))


def golden() -> dict:
    """All defaults, and keys of a spread of specs."""
    fields = {
        name: {
            field: json.loads(json.dumps(info.get_default(), default=lambda section: section.model_dump()))
            for field, info in section(name).model_fields.items()
            if not info.is_required()
        }
        for name in SECTIONS
    }
    base = {"family": "transformers", "architecture": "videomae", "weights": "scratch", "data": "mime-0", "seed": 0}
    specs = {
        "plain": {},
        "half": {"train_ratio": 0.5},
        "random": {"train_ratio": "random"},
        "epochs": {"training": {"epochs": 30}},
        "learning rate": {"training": {"learning_rate": 1e-6}},
        "mixup": {"training": {"mixup": {}}},
        "mixup alpha": {"training": {"mixup": {"alpha": 0.4}}},
        "consistent": {"transforms": {"consistent": True}},
        "eight frames": {"model": {"num_frames": 8}},
        "fraction": {"train_fraction": 0.5},
        "no validation": {"validation": {"fraction": 0}},
        "stage": {"parent": "videomae-0123456789ab"},
        "seed": {"seed": 1},
        "jpeg": {"store": {"kind": "jpeg"}},
        "small raw": {"store": {"kind": "raw", "short_side": 256}},
    }
    evaluations = {
        "test": {"split": "test", "observation_ratio": 1},
        "validation": {"split": "validation", "observation_ratio": 1},
        "ratio": {"split": "test", "observation_ratio": 0.1},
        "six views": {"split": "test", "observation_ratio": 1, "views": {"crops": 3, "flips": 2}},
    }
    data = {
        "mime": ("mime", {}, None),
        "mime small": ("mime", {"num_videos": 24}, None),
        "clips": ("class_folders", {}, [("wave/a.avi", 1)]),
        "frames": ("hmdb51_frames", {}, [("data_train/wave/a/1.jpg", 1), ("test/1/1.jpg", 1)]),
        "clips grouped": ("class_folders", {"group_pattern": "_g(..)"}, [("wave/a.avi", 1)]),
    }
    return {
        "numerics": dict(keys.NUMERICS),
        "defaults": fields,
        "trainings": {name: keys.training_key(base | {"train_ratio": 1} | spec) for name, spec in specs.items()},
        "evaluations": {n: keys.evaluation_key({"training": "videomae-0"} | s) for n, s in evaluations.items()},
        "data": {name: keys.data_key(*arguments) for name, arguments in data.items()},
    }


def test_neither_defaults_nor_keys_move_unnoticed():
    """A changed default alters the numbers of every spec that leaves it out: bump its part in keys.NUMERICS, then
    write the file anew with PARTWAY_WRITE_GOLDEN=1 and tell it in the CHANGELOG."""
    now = golden()
    if os.environ.get("PARTWAY_WRITE_GOLDEN"):
        GOLDEN.write_text(json.dumps(now, indent=1) + "\n")
    recorded = json.loads(GOLDEN.read_text())
    assert now["defaults"] == recorded["defaults"] or now["numerics"] != recorded["numerics"], "bump keys.NUMERICS"
    assert now == recorded
