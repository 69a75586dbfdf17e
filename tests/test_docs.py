"""The documentation says what is so: links, verbs, calls, studies and worked examples of README.md and docs/*.md.

A ```yaml block is a study, or a part of one with its top-level keys; one that needs code which the page itself adds is
a ```yaml after-these-steps. A ```python block with >>> is run. A line that starts with .venv/bin/partway is parsed.
"""

from __future__ import annotations

import argparse
import doctest
import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from conftest import REPOSITORY, make_class_folders, tiny_study
from partway import cli, schema_reference
from partway.plain_yaml import parse
from partway.resolve import merged
from partway.schema import StudyFile
from partway.study import load

PAGES = [REPOSITORY / "README.md", *sorted(REPOSITORY.glob("docs/*.md"))]
NAMES = [str(page.relative_to(REPOSITORY)) for page in PAGES]
TEXTS = dict(zip(NAMES, (page.read_text(encoding="utf-8") for page in PAGES), strict=True))
FENCE = re.compile(r"^( *)```([^\n]*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
LATER = "yaml after-these-steps"
YOURS = {"studies/mine.yaml"}  # what a reader may call a file
EXTENDING = "docs/extending.md"


def blocks(text: str, kind: str) -> list[str]:
    """The fenced blocks of a page whose info string is `kind`."""
    return [body for _, info, body in FENCE.findall(text) if info.strip() == kind]


def prose(text: str) -> str:
    return FENCE.sub("", text)


def anchors(text: str) -> set[str]:
    """The headings of a page, as GitHub makes addresses of them."""
    headings = re.findall(r"^#+ (.*)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def calls(text: str) -> list[str]:
    return re.findall(r"^ *(\.venv/bin/partway\b.*)$", text, re.MULTILINE)


def wrong_links(page: Path, text: str) -> list[str]:
    """Relative links and images of a page that lead nowhere."""
    found = re.findall(r"\]\(([^)\s]+)\)", prose(text)) + re.findall(r"(?:src|href|srcset)=\"([^\"]+)\"", prose(text))
    wrong = []
    for link in found:
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            wrong.append(link)
    return wrong


def refused(call: str) -> bool:
    try:
        cli._parser().parse_args(shlex.split(call, comments=True)[1:])
    except SystemExit as ended:
        return ended.code != 0
    return False


def verbs() -> set[str]:
    actions = cli._parser()._actions
    return set(next(action for action in actions if isinstance(action, argparse._SubParsersAction)).choices)


def check_study(block: str, folder: Path) -> None:
    """A whole study is resolved; a part is put into a study that is right and must fit the schema there."""
    tree = parse(block).tree
    assert isinstance(tree, dict)
    assert set(tree) <= set(StudyFile.model_fields), "a yaml block shows top-level keys of a study"
    if {"name", "grid"} <= set(tree):
        (folder / "study.yaml").write_text(block)
        load(str(folder / "study.yaml"))
    else:
        StudyFile.model_validate(merged(tiny_study(), tree))


def known_keys() -> set[str]:
    schema = schema_reference.study_schema()
    return {key for section in [schema, *schema["$defs"].values()] for key in section["properties"]}


def unknown_inline_keys(text: str) -> set[str]:
    """Keys in settings inside a sentence, `transforms: {flip: 0}`, that no section has; the first may be a name."""
    found = set()
    for setting in re.findall(r"`\w+: (\{[^`]*\})`", prose(text)):
        found |= set(re.findall(r"(\w+):(?= |$)", setting))
    return found - known_keys()


# --- every page ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name):
    assert wrong_links(REPOSITORY / name, TEXTS[name]) == []


@pytest.mark.parametrize("name", NAMES)
def test_calls_are_those_of_the_command_line(name):
    assert [call for call in calls(TEXTS[name]) if refused(call)] == []
    named = re.findall(r"`(?:\.venv/bin/|python -m )?partway ([a-z]+)", TEXTS[name])
    assert set(named) <= verbs()


@pytest.mark.parametrize("name", NAMES)
def test_studies_are_right(name, tmp_path):
    for block in blocks(TEXTS[name], "yaml"):
        check_study(block, tmp_path)
    assert unknown_inline_keys(TEXTS[name]) == set()
    assert name == EXTENDING or not blocks(TEXTS[name], LATER)


@pytest.mark.parametrize("name", NAMES)
def test_worked_examples_give_what_they_say(name):
    examples, names = doctest.DocTestParser(), {}
    for number, block in enumerate(blocks(TEXTS[name], "python")):
        test = examples.get_doctest(block, names, f"{name}, python block {number + 1}", name, 0)
        told: list[str] = []
        assert doctest.DocTestRunner().run(test, out=told.append, clear_globs=False).failed == 0, "".join(told)
        names = test.globs


@pytest.mark.parametrize("name", NAMES)
def test_files_of_the_repository_are_there(name):
    named = set(re.findall(r"`((?:src|tests|workflow|profiles|studies|envs|docs)/[\w./-]+)`", TEXTS[name]))
    missing = {path for path in named if not (REPOSITORY / path).exists()} - YOURS
    assert missing == (set(new_files()) if name == EXTENDING else set())


def test_every_page_stands_in_the_index():
    index = TEXTS["docs/README.md"]
    assert [page.name for page in PAGES if page.parent.name == "docs" and page.name != "README.md"] == sorted(
        re.findall(r"^- \[[^]]*\]\((\w+\.md)\)", index, re.MULTILINE)
    )


@pytest.mark.parametrize("image", sorted(REPOSITORY.glob("docs/images/*.svg")), ids=lambda path: path.name)
def test_drawings_are_whole_and_have_a_text(image):
    assert ElementTree.parse(image).getroot().get("aria-label")


def test_these_tests_can_fail(tmp_path):
    page = REPOSITORY / "docs" / "data.md"
    assert wrong_links(
        page, "[a](study.md) [b](none.md) [c](study.md#training) [d](study.md#none) ![e](images/x.svg)"
    ) == [
        "none.md",
        "study.md#none",
        "images/x.svg",
    ]
    assert not refused(".venv/bin/partway check studies/mine.yaml --set a=1  # a comment")
    assert refused(".venv/bin/partway check --sets a=1")
    assert refused(".venv/bin/partway plans")
    assert unknown_inline_keys("write `transforms: {flip: 0}`, `eight: {extends: a, model: {flop: 8}}`") == {"flop"}
    for wrong in ("epochs: 3\n", "training: {epoks: 3}\n", "training: {epochs: -1}\n", "- a\n"):
        with pytest.raises((AssertionError, ValueError)):
            check_study(wrong, tmp_path)


# --- the reference of the study file -------------------------------------------------------------------


def test_the_shipped_reference_is_what_the_code_makes_now():
    rewrite = f"python -m partway schema --reference --output {schema_reference.SHIPPED}"
    assert TEXTS[schema_reference.SHIPPED] == schema_reference.as_text(), f"older than the code; rewrite it: {rewrite}"


def test_the_reference_has_every_section_and_key():
    missing = schema_reference.sections_without_a_heading()
    assert not missing, f"add to HEADINGS in src/partway/reference_text.py: {missing}"
    assert known_keys() <= set(re.findall(r"^\| `(\w+)`", TEXTS[schema_reference.SHIPPED], re.MULTILINE))


@pytest.mark.parametrize(
    "row",
    [
        r"\| `epochs` +\| whole number >= 0 +\| `20` +\| passes over the train split; 0 ",
        r"\| `ratios` +\| list of numbers in \(0, 1\] +\| required +\|",
        r"\| `dropout` +\| number in \[0, 1\) +\| `0` +\|",
        r"\| `crops` +\| `1` or `3` +\| `1` +\|",
        r"\| `normalisation` +\| `imagenet`, `half` or \[Normalisation\]\(#normalisation\) +\| `imagenet` +\|",
        r"\| `test` +\| \[Split\]\(#split\), its `fraction` > 0 +\| `{fraction: 0.25}` +\|",
        r"\| `train_ratio` +\| `matched`, `full`, `random` or number in \(0, 1\] +\| `matched` +\|",
    ],
)
def test_a_row_says_type_range_and_default(row):
    assert re.search(row, TEXTS[schema_reference.SHIPPED])


def test_the_verb_prints_the_reference_or_writes_it(tmp_path, capsys):
    assert cli.main(["schema", "--reference"]) == 0
    assert capsys.readouterr().out == schema_reference.as_text()
    assert cli.main(["schema", "--reference", "--output", str(tmp_path / "study.md")]) == 0
    assert (tmp_path / "study.md").read_text(encoding="utf-8") == schema_reference.as_text()


# --- the steps of extending.md, followed ---------------------------------------------------------------


def new_files() -> dict[str, str]:
    """The files that the page adds to the repository: their path stands in the first line of a block."""
    found = {}
    for block in blocks(TEXTS[EXTENDING], "python"):
        if path := re.match(r"# (src/\S+)\n", block):
            found[path[1]] = block.split("\n", 1)[1]
    return found


def step(start: str) -> str:
    """The block of the page that begins like this."""
    (block,) = [block for block in blocks(TEXTS[EXTENDING], "python") if block.lstrip().startswith(start)]
    return block


def follow_the_steps(source: Path) -> None:
    """Do in a copy of src/partway what the page says."""
    for path, text in new_files().items():
        (source / Path(path).relative_to("src/partway")).write_text(text)

    def edit(file: str, pattern: str, replacement: str) -> None:
        text = (source / file).read_text()
        edited, count = re.subn(pattern, lambda match: match.expand(replacement), text, count=1, flags=re.MULTILINE)
        assert count == 1, f"{EXTENDING}: {file} holds no {pattern}"
        (source / file).write_text(edited)

    edit("families.py", r"^FAMILIES = \{", r"\g<0>\n" + step('"own": Family'))
    edit("schema_data.py", r"^AnyDataset = ", step("class NamedFiles") + r"\n\n\g<0>")
    edit("schema_data.py", r"^(AnyDataset = [^|]*)\| ClassFolders", r"\1| ClassFolders | NamedFiles")
    edit("data/prepare.py", r"^from partway.data import ", r"\g<0>named_files, ")
    edit("data/prepare.py", r"^LAYOUTS = \{", r"\g<0>\n" + step('"named_files": lambda').replace("\\", "\\\\"))
    edit("reference_text.py", r"^HEADINGS = \{", r"\g<0>\n" + step('"NamedFiles": ('))
    edit("metrics.py", r"^ +\"top1\": ", step('"worst_class_accuracy"') + r"\g<0>")


AFTERWARDS = """
import json, sys
import numpy as np, torch
from partway import cli, metrics, schema_reference
from partway.models import create_model
from partway.study import load

study = load("study.yaml")
assert cli.main(["prepare", "--spec", json.dumps(study.datasets["mine"].spec), "--root", "videos", "--output", "d/manifest.csv"]) == 0
print(open("d/manifest.csv").read().count(",dark,"))
training = next(iter(study.trainings.values()))
from partway.training.spec import TrainingSpec
spec = TrainingSpec.from_dict(training.spec)
model = create_model(spec.family, spec.architecture, spec.model, 2)
print(tuple(model(torch.zeros(3, spec.model.num_frames, 3, spec.model.frame_size, spec.model.frame_size)).shape))
from partway.models.cost import measure
from partway.models.layers import layers
print(len(layers(model).blocks), measure(model, spec.model)["flops_per_clip"] > 0, spec.model.num_heads)
print(metrics.summarise(np.eye(2)[[0, 0, 1]], np.array([0, 1, 1]))["worst_class_accuracy"])
print(schema_reference.sections_without_a_heading(), "data-set-named_files" in schema_reference.as_text())
"""


@pytest.mark.slow
def test_the_steps_of_extending_work_as_written(tmp_path):
    shutil.copytree(REPOSITORY / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    follow_the_steps(tmp_path / "src" / "partway")
    (tmp_path / "videos").mkdir()
    for video in make_class_folders(tmp_path / "clips").glob("*/*.avi"):
        shutil.copy(video, tmp_path / "videos" / f"{video.parent.name}_{video.name}")
    parts = [parse(block).tree for block in blocks(TEXTS[EXTENDING], LATER)]
    tree = merged(tiny_study(), *parts)
    tree["datasets"]["mine"]["root"] = "videos"
    tree["grid"] = [tree["grid"][0] | {"dataset": "mine", "models": ["conv"]}]
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(tree, sort_keys=False))
    code = f"import sys; sys.path.insert(0, 'src'){AFTERWARDS}"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["8", "(3, 2)", "3 True 12", "0.5", "[] True"], done.stderr


def test_the_readme_is_filled_from_the_demo_and_nothing_else_of_it_changes(tmp_path):
    spec = importlib.util.spec_from_file_location("from_demo", REPOSITORY / "docs" / "from_demo.py")
    from_demo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(from_demo)
    (tmp_path / "tables").mkdir()
    table = "### recipe: x\n\nn = 4\n\n| model | ablation | views | test % |\n|:--|:--|:--|:--|\n| m | a | 1 | 50.0 |\n\n\nNote."
    (tmp_path / "tables/recipe.md").write_text(table)
    (tmp_path / "verdict.md").write_text("# v\n\n“a” is the best of 2 rows.\n\n- “b” lowers accuracy by 1.0 points.\n")
    text = "one\n<!-- demo: tables/recipe.md -->\nold\n<!-- end -->\ntwo\n<!-- demo: verdict.md -->\n<!-- end -->\n"
    once = from_demo.filled(text, tmp_path)
    assert once == (
        "one\n<!-- demo: tables/recipe.md -->\n\n| ablation | test % |\n| --- | --- |\n| a | 50.0 |\n\n<!-- end -->\n"
        "two\n<!-- demo: verdict.md -->\n\n> “b” lowers accuracy by 1.0 points.\n\n<!-- end -->\n"
    )
    assert from_demo.filled(once, tmp_path) == once
