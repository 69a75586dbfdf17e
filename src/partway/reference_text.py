"""The words of `docs/study.md` that are written by hand: its opening, what each section is for, and its ending."""

OPENING = """
# The study file

This page answers: which keys may a study file hold, what may stand there, and what holds where a key is left out? The
tables below are made from the code by `partway schema --reference`; do not edit them by hand.

A study file is one YAML file that reads like the methods section of a paper. It is called by

```console
snakemake --cores 1 --resources gpu=1                                     # the study in config.yaml
snakemake --cores 1 --resources gpu=1 --config study=studies/mine.yaml    # another one
```

Check it first. It costs a second or two and tells every mistake at once, with its line and what was expected:

```console
.venv/bin/partway check studies/mine.yaml
```

## A whole study

```yaml
name: mine                          # the results go to results/mine/
datasets:
  clips: {layout: class_folders, root: path/to/your/videos, validation: {fraction: 0.2}}
models:
  small: {family: transformers, architecture: videomae, weights: scratch, num_frames: 8, frame_size: 64,
          hidden_size: 96, num_layers: 4, num_heads: 4, training: {batch_size: 16}}
training: {epochs: 12, learning_rate: 5e-4}
ablations:
  vanilla:    {label: Vanilla}
  consistent: {extends: vanilla, transforms: {consistent: true}, label: + Consistent augmentation}
  mixup:      {extends: consistent, training: {mixup: {alpha: 0.8}}, label: + Mixup}
  two_stage:  {extends: mixup, stages: [{epochs: 4, learning_rate: 1e-5, mixup: null}], label: + Second stage}
  six_views:  {extends: two_stage, evaluation: {crops: 3, flips: 2}, label: + Six views}
ladders:
  recipe: [vanilla, consistent, mixup, two_stage, six_views]
grid:
  - {dataset: clips, models: [small], ablations: [vanilla, consistent, mixup, two_stage, six_views],
     ratios: [1.0], seeds: [0]}
  - {dataset: clips, models: [small], ablations: [mixup], train_ratio: random,
     ratios: [0.1, 0.5, 1.0], seeds: [0]}
```

Names of data sets, models, ablations and ladders are yours. They are in no key: a renamed ablation trains nothing anew
(see [staleness](staleness.md)).

## Which value wins

Four sections make the recipe: `sampling`, `transforms`, `training` and `evaluation`. The study, a model and an ablation
may each write them. Later ones win, key by key:

1. the default of the code (the tables below);
2. the study's own section, at the top level of the file;
3. the model's section, `models.<name>.training` and so on;
4. the ablations, from the one at the bottom of the `extends` chain up to the row's own.

`null` takes a whole subsection away: `mixup: null` trains without mixup, whatever stood below.

- **`extends`** names one other ablation. This one then holds all that the other one holds, and its own keys on top. So a
  ladder reads from top to bottom: each row adds one thing. A circle is refused.
- **Sizes of a model** (`num_frames`, `hidden_size`, ...) stand in the model itself. An ablation changes them under
  `model:`, as in `frames_8: {extends: vanilla, model: {num_frames: 8}}`. With pretrained weights the sizes of the
  checkpoint come first; `num_frames`, `dropout` and `normalisation` may be changed, the sizes of its weights may not.
- **`stages`** appends trainings. The first training is the row's recipe without any stage; each entry of `stages` is one
  more training that starts from the chosen checkpoint of the training before. An entry is read on top of the *row's
  recipe*, not of the stage before: write in it what differs. An ablation that extends one with stages has these
  stages too, and its own after them; what it changes in `training` holds for all of them, where they do not say
  otherwise. Where the first training is the same as that of another row, it is trained once.
- **`ladders`** name the rows of one ablation table, in order. A row is an ablation's name, or `{ablation: vanilla, model:
  small}` to compare models. A ladder is a list of rows, or `{rows: [...], model: small, train_ratio: random}`: it shows
  the runs of that `train_ratio`, `matched` unless said, and of that model, each that runs one of its rows unless said, at
  all ratios or at its `ratios`. Each condition of the grid (data set, window, ratio, ...) gives a table of its own.
- **`grid`** is a list of blocks. A block is a cross product: each of its models with each of its ablations, ratios,
  windows and seeds. The runs are the union of all blocks; a run that stands in two blocks is one run.

`train_ratio` says how much of each video a training sees:

| `train_ratio` | a training sees | trainings for the ratios 0.1, 0.5, 1.0 |
| --- | --- | --- |
| `matched` | the share that it is tested at | 3 |
| `full` | the whole video | 1 |
| `random` | a share drawn anew for each clip, uniform over (0, 1] | 1 |
| a number, as 0.3 | that share | 1 |

`matched` at ratio 1.0 and `full` are the same training, and it is trained once.

## Changing a value for one call

`set` edits the study before anything is resolved:

```console
snakemake --cores 1 --resources gpu=1 --config set='training.epochs=50'
snakemake --cores 1 --resources gpu=1 --config 'set=["training.epochs=50", "grid.*.ratios=[0.1, 0.5]"]'
.venv/bin/partway check studies/own_clips.yaml --set training.epochs=50 --set 'grid.*.ratios=[0.1, 0.5]'
```

A path is the keys from the top of the file, with dots between. `0`, `1`, ... is an entry of a list, `*` is every entry.
A path that matches nothing is refused. `set` changes what the study wrote at that place and nothing else: an ablation
that states a value of its own keeps it. What was set is recorded with the results, in `study.lock.json`.

## How values are written

- `1`, `1.0` and `1e0` are one number, and so are `5e-5` and `0.00005`. `yes` and `on` are words, not `true`.
- A round bracket leaves the end of a range out: a number in (0, 1] is above 0 and at most 1.
- A `name` has letters, digits, `_`, `-` and dots, at most 100 of them, and no dot at its beginning.
- Paths may hold `~` and `$VARIABLES`. A relative path is relative to the folder in which snakemake is called.
- "Its own" below means: the section's own defaults.
- An editor that knows JSON Schema completes and checks a study while you type, with this first line in a file under
  `studies/`: `# yaml-language-server: $schema=../workflow/schemas/study.schema.json`
"""

# Section of the schema -> heading, and where it stands in a study file; in the order of the page.
HEADINGS = {
    "StudyFile": ("The file", ""),
    "MimeDataset": (
        "Data set mime",
        "`datasets.<name>` with `layout: mime`, generated videos; [data](data.md) explains them.",
    ),
    "ClassFolders": ("Data set class_folders", "`datasets.<name>`; [data](data.md) shows the folders."),
    "Ucf101": ("Data set ucf101", "`datasets.<name>`; [data](data.md#official-lists) says where to get it."),
    "Hmdb51": ("Data set hmdb51", "`datasets.<name>`; [data](data.md#official-lists) says where to get it."),
    "Hmdb51Frames": (
        "Data set hmdb51_frames",
        "`datasets.<name>`; [data](data.md#hmdb51_frames-frames-and-a-test-split-without-labels) shows the folders.",
    ),
    "LabelCsv": ("Data set label_csv", "`datasets.<name>`; [data](data.md#official-lists) shows the files."),
    "SplitOff": ("Split", "`validation` and `test` of a data set."),
    "FrameStore": ("Frame store", "`store` of a data set, where it is more than a kind; [data](data.md#frame-stores)."),
    "Model": ("Model", "`models.<name>`."),
    "ModelOptions": ("Model options", "Keys of `models.<name>`, and of `ablations.<name>.model`."),
    "Normalisation": ("Normalisation", "`normalisation` of a model, where its name is not enough."),
    "Ablation": ("Ablation", "`ablations.<name>`; `{}` changes nothing."),
    "Stage": ("Stage", "An entry of `ablations.<name>.stages`."),
    "Sampling": ("Sampling", "`sampling`. With numbers: [data](data.md#which-frames-the-model-is-given)."),
    "Transforms": ("Transforms", "`transforms`."),
    "RandAugment": ("RandAugment", "`transforms.rand_augment`."),
    "ColourJitter": ("Colour jitter", "`transforms.colour_jitter`."),
    "Training": ("Training", "`training`."),
    "Mixup": ("Mixup", "`training.mixup`."),
    "Cutmix": ("CutMix", "`training.cutmix`."),
    "EarlyStopping": ("Early stopping", "`training.early_stopping`."),
    "TrainableFrom": ("Trainable", "An entry of `training.trainable`, where it is a schedule by epoch."),
    "Evaluation": (
        "Evaluation",
        "`evaluation`. It changes no training. In pictures: [data](data.md#what-the-model-sees-of-a-frame).",
    ),
    "Ladder": ("Ladder", "`ladders.<name>`, where it is more than a list of rows."),
    "LadderRow": ("Ladder row", "An entry of a ladder, where it is more than a name."),
    "Reported": (
        "Reported number",
        "`reference` of a ladder row. It stands in a column of its own, and its source below the table.",
    ),
    "Anchor": ("Published accuracy", "An entry of `references`; a star in the figure of accuracy against ratio."),
    "GridBlock": ("Grid block", "An entry of `grid`."),
    "Attention": (
        "Attention",
        "`attention`; `null` draws nothing. [Models](models.md#attention-maps) says what the pictures show.",
    ),
    "TableOptions": ("Table options", "`tables`."),
    "FigureOptions": ("Figure options", "`figures`."),
    "ReportOptions": ("Report options", "`report`."),
}

ENDING = """
## What needs more than one key

`partway check` and snakemake also refuse, with line and key: names that nothing defines, an ablation that extends itself
in a circle, a ladder row without a run in the grid, `select: best` or `early_stopping` on a data set with
`validation: {fraction: 0}`, a step of `trainable` after the last epoch or with more blocks than the model has,
sizes that do not divide (`num_frames` by `tubelet_size`, `frame_size` by `patch_size`, `hidden_size` by `num_heads`), a
picture under `attention` of a run that is not in the grid or of a model whose attention cannot be drawn, a
`min_learning_rate` above the `learning_rate`, `scales` below 1 of a view that shows the whole frame, and weights that cannot be read or whose sizes are others.

Machine facts (device, threads, workers, compile) are no part of a study. They stand in `profiles/machine.yaml`.
"""
