"""The short form of benchmarks/kills.py, which kills 300 times: random signals at random moments, the same end."""

import random
import sys

import pytest

from conftest import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "benchmarks"))
import kills

pytestmark = pytest.mark.slow


def test_a_study_killed_again_and_again_ends_as_an_undisturbed_one(tmp_path):
    rng = random.Random(4)
    quiet = kills.Killer(tmp_path / "undisturbed", epochs=24, rng=rng, longest_wait_sec=1)
    quiet.workplace.snakemake()
    wanted = kills.end_of(quiet.workplace)
    assert (
        len(wanted) == 12
    )  # weights and logs of two trainings, two sets of predictions, the table and its settings in three forms
    killer = kills.Killer(tmp_path / "killed", epochs=24, rng=rng, longest_wait_sec=12)
    assert killer.run(kills=5) >= 1
    assert kills.differences(kills.end_of(killer.workplace), wanted) == []


def test_a_difference_would_be_seen():
    assert kills.differences({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}) == ["b", "c"]
