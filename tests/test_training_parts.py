"""Device, metrics, model sizes, threads: numbers worked out by hand."""

import numpy as np
import pytest
import torch

from partway import machine, metrics
from partway.errors import TrainingError
from partway.models import create_model, parameter_count
from partway.schema import ModelOptions, Normalisation
from partway.training import device
from partway.training.device import ToDevice
from partway.training.scoring import clips_at_once


def test_clips_are_normalised_on_the_device():
    normalisation = Normalisation(mean=(0.5, 0.0, 1.0), std=(0.5, 1.0, 0.25))
    clips = np.zeros((1, 2, 3, 4, 3), dtype=np.uint8)
    clips[..., 0], clips[..., 1], clips[..., 2] = 255, 51, 0
    video = ToDevice(torch.device("cpu"), normalisation).clips(clips)
    assert video.shape == (1, 2, 3, 3, 4)  # BTCHW
    torch.testing.assert_close(video[0, 1, :, 0, 0], torch.tensor([1.0, 0.2, -4.0]))
    assert clips[0, 0, 0, 0, 0] == 255  # the caller's array is untouched


def test_metrics_by_hand():
    logits = np.array([[3, 2, 1], [1, 3, 2], [1, 2, 3], [3, 2, 1]], dtype=np.float32)
    labels = np.array([0, 1, 0, 1])
    scores = metrics.summarise(logits, labels)
    assert scores["top1"] == 0.5
    assert scores["top5"] == 1.0  # min(5, 3 classes)
    assert scores["mean_class_accuracy"] == 0.5
    row = np.exp([3, 2, 1]) / np.exp([3, 2, 1]).sum()
    assert scores["loss"] == pytest.approx(-np.mean(np.log([row[0], row[0], row[2], row[1]])), rel=1e-6)
    assert metrics.correct_in_top(logits, labels, 2).tolist() == [True, True, False, True]


def test_mean_class_accuracy_weighs_classes_not_videos():
    logits = np.eye(2)[[0, 0, 0, 0]].astype(np.float32)
    assert metrics.summarise(logits, np.array([0, 0, 0, 1]))["mean_class_accuracy"] == 0.5


def calibration_error(logits: np.ndarray, labels: np.ndarray) -> float:
    return metrics.calibration_error(metrics.confidence(logits), metrics.correct_in_top(logits, labels, 1))


def test_calibration_error_by_hand():
    # Confidences 0.9 and 0.92, one right: their bin is 0.41 too sure. 0.6, right: its bin is 0.4 too unsure.
    shares = np.array([[0.9, 0.1], [0.08, 0.92], [0.6, 0.4]])
    assert calibration_error(np.log(shares), np.array([0, 0, 0])) == pytest.approx((0.82 + 0.4) / 3)
    assert calibration_error(np.array([[60.0, 0], [0, 60.0]]), np.array([0, 1])) == pytest.approx(0)
    assert calibration_error(np.array([[60.0, 0], [0, 60.0]]), np.array([1, 0])) == pytest.approx(1)
    # 1.0 belongs to the last bin and a third to the fifth of fifteen, (4/15, 5/15], with their upper ends.
    ends = np.log(np.array([[1 - 2e-16, 1e-16, 1e-16], [1 / 3, 1 / 3, 1 / 3]]))
    assert calibration_error(ends, np.array([0, 0])) == pytest.approx((2 / 3) / 2)


def test_calibration_error_is_torchmetrics():
    from torchmetrics.functional.classification import multiclass_calibration_error

    rng = np.random.default_rng(0)
    logits, labels = rng.normal(0, 2, (500, 7)), rng.integers(0, 7, 500)
    expected = multiclass_calibration_error(
        torch.softmax(torch.from_numpy(logits), dim=1), torch.from_numpy(labels), num_classes=7, n_bins=15
    )
    assert calibration_error(logits, labels) == pytest.approx(float(expected), abs=1e-6)
    assert metrics.summarise(logits, labels)["ece"] == calibration_error(logits, labels)


def test_confusion_by_hand():
    labels, predicted = np.array([0, 1, 0, 1, 1]), np.array([0, 1, 2, 0, 0])
    assert metrics.confusion(labels, predicted, 3).tolist() == [[1, 0, 1], [2, 1, 0], [0, 0, 0]]


def test_views_are_averaged_as_asked():
    logits = np.array([[[4.0, 0.0], [0.0, 3.0], [0.0, 0.5]]])
    np.testing.assert_allclose(metrics.average_views(logits, "logits"), [[4 / 3, 3.5 / 3]])
    shares = np.exp(logits[0]) / np.exp(logits[0]).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.exp(metrics.average_views(logits, "softmax")), [shares.mean(axis=0)])


def test_videomae_has_the_sizes_it_was_given():
    options = ModelOptions(num_frames=4, frame_size=32, hidden_size=32, num_layers=1, num_heads=2, mlp_ratio=2.0)
    torch.manual_seed(0)
    model = create_model("transformers", "videomae", options, num_classes=3)
    assert model(torch.zeros(2, 4, 3, 32, 32)).shape == (2, 3)
    patches = 2 * 16 * 16 * 3 * 32 + 32
    attention = 4 * 32 * 32 + 3 * 32  # query, key, value, output; biases of query, value, output
    mlp = 2 * 32 * 64 + 64 + 32
    norms = 4 * 32 + 2 * 32
    assert parameter_count(model) == patches + attention + mlp + norms + 32 * 3 + 3
    torch.manual_seed(0)
    again = create_model("transformers", "videomae", options, num_classes=3)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))


@pytest.mark.parametrize(("cores", "jobs", "threads"), [(2, 1, 2), (2, 2, 1), (64, 4, 16), (1, 1, 1), (2, 5, 1)])
def test_jobs_divide_the_cores(monkeypatch, cores, jobs, threads):
    monkeypatch.setattr(machine, "available_cores", lambda: cores)
    monkeypatch.setenv("PARTWAY_JOBS_AT_ONCE", str(jobs))
    monkeypatch.delenv("PARTWAY_THREADS", raising=False)
    monkeypatch.delenv("PARTWAY_WORKERS", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # what `--cores 1` sets
    machine.settings.cache_clear()
    assert machine.threads() == threads
    assert machine.workers() == min(threads, machine.MOST_WORKERS)


@pytest.mark.parametrize("written", ["0", "3"])
def test_no_worker_is_a_number_of_workers(monkeypatch, written):
    monkeypatch.setenv("PARTWAY_WORKERS", written)
    machine.settings.cache_clear()
    assert machine.workers() == int(written)
    assert machine.workers(alone=True) == max(1, int(written))
    monkeypatch.setenv("PARTWAY_WORKERS", "-1")
    machine.settings.cache_clear()
    with pytest.raises(machine.MachineError, match="workers: expected a whole number from 0 up"):
        machine.workers()
    machine.settings.cache_clear()


def test_a_machine_setting_that_is_no_number_is_named(monkeypatch):
    monkeypatch.setenv("PARTWAY_THREADS", "many")
    machine.settings.cache_clear()
    with pytest.raises(machine.MachineError, match="threads: expected a whole number"):
        machine.threads()
    machine.settings.cache_clear()


@pytest.mark.parametrize(
    ("capability", "built_for", "can"),
    [
        ((9, 0), ["sm_80", "sm_90"], True),
        ((8, 6), ["sm_80"], True),  # code of a lower minor version
        ((8, 0), ["sm_86"], False),
        ((6, 1), ["sm_75", "sm_80", "compute_90"], False),
        ((12, 0), ["sm_90", "compute_90"], True),  # translated when it is loaded
        ((12, 0), ["sm_120"], True),
        ((9, 1), ["sm_90a"], False),
        ((9, 0), ["sm_90a"], True),
        ((9, 4), ["gfx90a"], True),  # another vendor's names say nothing of this
    ],
)
def test_which_gpus_a_build_runs_on(capability, built_for, can):
    assert device.runs(capability, built_for) is can


@pytest.mark.parametrize("asked", ["auto", "cuda"])
def test_a_gpu_that_the_build_cannot_run_stops_and_names_the_cpu(monkeypatch, asked):
    monkeypatch.setenv("PARTWAY_DEVICE", asked)
    machine.settings.cache_clear()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "GTX 1080")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (6, 1))
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_75", "sm_80"])
    with pytest.raises(
        TrainingError, match=r"GTX 1080 has capability 6\.1, .* built for sm_75, sm_80; write device: cpu"
    ):
        device.choose()
    monkeypatch.undo()
    machine.settings.cache_clear()


def test_more_is_scored_at_once_where_that_is_faster():
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    assert clips_at_once(8, cpu) == 8
    assert clips_at_once(8, cuda) == 32
