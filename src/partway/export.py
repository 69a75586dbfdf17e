"""`partway export`: a trained checkpoint as a folder that transformers or timm loads by itself, to the same logits."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from torch import nn

from partway import files
from partway.errors import PartwayError, StorageError
from partway.models import create_model
from partway.training import checkpoints
from partway.training.spec import TrainingSpec
from partway.weights.saving import save


class ExportError(PartwayError):
    """A training that cannot be exported."""


def export(training: Path, output: Path) -> Iterator[str]:
    """Write the model of a finished training into a folder of the library that it comes from; say how to load it.

    Args:
        training: folder of the training.
        output: folder to write, empty or not there; whole or not written at all.

    Raises:
        ExportError: no finished training, a folder that holds something, or a model that no library has a form for.
    """
    if not (training / "training.json").is_file():
        raise ExportError(f"{training}: holds no training.json; expected the folder of a finished training")
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ExportError(f"{output}: is there already and not empty; name another folder")
    record = checkpoints.read_record(training)
    spec = TrainingSpec.from_record(record)
    model, classes = _trained(training, spec)
    temporary = output.with_name(f".{output.name}{files.TEMPORARY}")
    shutil.rmtree(temporary, ignore_errors=True)  # of an export that was killed
    with files.explained(output):
        temporary.mkdir(parents=True)
        how = save(model, spec, classes, temporary)
        origin = {name: record[name] for name in ("checkpoint_digest", "data_fingerprint", "spec", "weights")}
        files.write_json(temporary / "partway.json", origin | {"classes": classes})
        temporary.replace(output)
    yield f"{output}: the model of {training}, {len(classes)} classes, in the order of classes.json and config.json"
    yield how.format(folder=output)


def _trained(training: Path, spec: TrainingSpec) -> tuple[nn.Module, list[str]]:
    checkpoint = checkpoints.load_tensors(training / "checkpoint.pt")
    if not isinstance(checkpoint, dict) or "classes" not in checkpoint:
        raise StorageError(f"{training / 'checkpoint.pt'}: not a checkpoint of partway; run the training again")
    classes = checkpoint["classes"]
    model = create_model(spec.family, spec.architecture, spec.model, len(classes))
    model.load_state_dict(checkpoints.load_trained(training, classes))
    return model.eval(), classes
