"""What odd machines give a study: cores, quotas, folders, languages; none of them may change a number or break."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from conftest import REPOSITORY, Workplace, make_class_folders, one_run_study
from partway import machine
from partway.machine import MachineError


@pytest.fixture(autouse=True)
def own_settings(monkeypatch, tmp_path):
    """No environment of the test run, and machine settings read anew."""
    for name in ("THREADS", "WORKERS", "DEVICE", "JOBS_AT_ONCE", "MACHINE"):
        monkeypatch.delenv(f"PARTWAY_{name}", raising=False)
    monkeypatch.chdir(tmp_path)
    machine.settings.cache_clear()
    yield
    machine.settings.cache_clear()


def with_cores(monkeypatch, count: int, quota: float | None = None) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(count)))
    monkeypatch.setattr(machine, "_cgroup_cores", lambda: quota)


@pytest.mark.parametrize(
    ("cores", "quota", "jobs", "threads", "workers", "workers_alone"),
    [
        (1, None, 1, 1, 1, 1),
        (1, None, 4, 1, 1, 1),
        (2, None, 2, 1, 1, 2),
        (64, None, 1, 64, 8, 8),
        (64, None, 4, 16, 8, 8),
        (64, 2.0, 1, 2, 2, 2),
        (64, 2.5, 1, 2, 2, 2),
        (64, 0.5, 1, 1, 1, 1),
        (2, 8.0, 1, 2, 2, 2),
    ],
)
def test_cores_are_shared_by_the_jobs_at_once(monkeypatch, cores, quota, jobs, threads, workers, workers_alone):
    with_cores(monkeypatch, cores, quota)
    monkeypatch.setenv("PARTWAY_JOBS_AT_ONCE", str(jobs))
    assert machine.threads() == threads
    assert machine.workers() == workers
    assert machine.workers(alone=True) == workers_alone


def test_a_real_affinity_of_one_core_is_seen():
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); from partway import machine; "
    code += "print(machine.available_cores())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


def control_group(root: Path, membership: str, files: dict[str, str]) -> Path:
    for name, text in {"proc/self/cgroup": membership, **{f"sys/fs/cgroup/{k}": v for k, v in files.items()}}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("membership", "files", "cores"),
    [
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {}, None),
        ("0::/slurm/job_7/step\n", {"slurm/job_7/cpu.max": "400000 100000\n", "slurm/job_7/step/cpu.max": "max 1\n"}, 4),
        ("0::/a/b\n", {"cpu.max": "200000 100000\n", "a/cpu.max": "800000 100000\n"}, 2),
        ("4:memory:/x\n3:cpu,cpuacct:/x\n", {"cpu/x/cpu.cfs_quota_us": "300000\n", "cpu/x/cpu.cfs_period_us": "100000\n"}, 3),
        ("3:cpu,cpuacct:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
    ],
)  # fmt: skip
def test_quotas_of_control_groups(tmp_path, membership, files, cores):
    assert machine._cgroup_cores(control_group(tmp_path, membership, files)) == cores


def test_a_system_without_control_groups(tmp_path):
    assert machine._cgroup_cores(tmp_path) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("devise: cpu\n", "unknown key devise"),
        ("- cpu\n", "expected a mapping"),
        ("device: [\n", "not YAML"),
        ("threads: 0\n", "threads: expected a whole number from 1 up, or auto; got 0"),
        ("threads: many\n", "got 'many'"),
    ],
)
def test_wrong_machine_settings_name_themselves(monkeypatch, tmp_path, text, message):
    (tmp_path / "machine.yaml").write_text(text)
    monkeypatch.setenv("PARTWAY_MACHINE", str(tmp_path / "machine.yaml"))
    with pytest.raises(MachineError, match=message.replace("[", r"\[")):
        machine.threads()


def odd_environment(tmp_path: Path) -> dict[str, str]:
    """No HOME, no language, a TMPDIR elsewhere with a space in it; nothing else of the caller's environment."""
    (tmp_path / "temporary files").mkdir()
    kept = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    return kept | {"PATH": os.defpath, "LC_ALL": "C", "TMPDIR": str(tmp_path / "temporary files")}


def numbers_of(workplace: Workplace) -> pd.Series:
    runs = pd.read_csv(workplace.results("one/runs.csv")[0])
    return runs[["test_top1", "test_loss", "val_loss", "training"]].iloc[0]


@pytest.mark.slow
def test_a_bare_environment_on_one_core_gives_the_same_numbers(tmp_path):
    """`env -i`, one core, no /dev/shm where that can be had, in a folder with blanks and umlauts."""
    usual = Workplace(tmp_path / "usual", one_run_study())
    odd = Workplace(tmp_path / "Übung mit Leerzeichen", one_run_study())
    for place in (usual, odd):
        make_class_folders(place.folder / "clips")
    settings = {"PARTWAY_THREADS": "1", "PARTWAY_WORKERS": "1", "PARTWAY_DEVICE": "cpu"}
    usual.environment = settings
    usual.snakemake()
    environment = odd_environment(tmp_path) | settings
    (odd.folder / "study.yaml").write_text((usual.folder / "study.yaml").read_text())
    hide = "mount -t tmpfs -o size=0,mode=000 none /dev/shm 2>/dev/null || true; "
    alone = (
        ["unshare", "--mount"] if subprocess.run(["unshare", "--mount", "true"], check=False).returncode == 0 else []
    )
    pin = "exec taskset -c $(python3 -c 'import os; print(min(os.sched_getaffinity(0)))' 2>/dev/null || echo 0) \"$@\""
    command = [*alone, "bash", "-c", (hide if alone else "") + pin, "bash", *odd.command()]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    pd.testing.assert_series_equal(numbers_of(usual), numbers_of(odd), check_exact=True)


@pytest.mark.slow
def test_check_runs_where_nothing_is_set(tmp_path):
    command = [sys.executable, "-m", "partway", "check", str(REPOSITORY / "config.yaml")]
    done = subprocess.run(
        command, capture_output=True, text=True, env=odd_environment(tmp_path), cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
