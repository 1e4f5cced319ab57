"""Trainings side by side: the same numbers as alone, the errors of each, and nothing left behind after any stop."""
import io
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch

from celestial_pgat.app import worker
from celestial_pgat.app.arms import prepare
from celestial_pgat.app.jobs import Job, _Board, _train_apart, train_jobs
from celestial_pgat.app.worker import JobFailed
from celestial_pgat.core.files import DiskFull
from celestial_pgat.data.prices import load_ohlc
from celestial_pgat.model.config import load_config
from shapes import unchecked
from test_leaving import Forked, largest_file, parts

OPTIONS = ["model.encoder_calendar_fusion.strategy=film", "train.diagnose_every=9", "model.stochastic_learner=true", "data.batch_size=30"]
LONG = ["train.epochs=1000"]

# a user's script without a main guard
SCRIPT = """
import gc
gc.disable()                # torch loads sooner
import sys
from pathlib import Path
from celestial_pgat.app.arms import prepare
from celestial_pgat.app.jobs import Job, train_jobs
from celestial_pgat.data.prices import load_ohlc
from celestial_pgat.model.config import load_config

cfg = load_config("smoke", overrides=["train.epochs=1000"])
data = prepare(cfg, load_ohlc("sp500").iloc[-240:])
train_jobs([Job(name, cfg, data, Path("run") / name.replace(" ", "_")) for name in ("without sky", "with sky")], workers=2)
"""


@pytest.fixture(autouse=True)
def quick_start(monkeypatch):
    """Fork what trains, where no CUDA forbids it; what the script of a user starts loads torch itself."""
    if not torch.cuda.is_available():
        monkeypatch.setattr(worker, "subprocess", SimpleNamespace(Popen=Forked, PIPE=subprocess.PIPE))
    with unchecked():
        yield


@pytest.fixture(scope="module")
def data():
    """The windows of 240 real sessions, for the smallest preset."""
    return prepare(load_config("smoke"), load_ohlc("sp500").iloc[-240:])


def make_jobs(data, folder: Path, seeds=(1, 2), overrides=()) -> list[Job]:
    cfgs = [load_config("smoke", overrides=[f"seed={seed}", *overrides]) for seed in seeds]
    return [Job(f"seed {cfg.seed}", cfg, data, folder / f"seed_{cfg.seed}") for cfg in cfgs]


# what `python own/script.py` does in a terminal of its own, but for loading torch; what trains is started as by any script
BEGUN = """
import os, runpy, subprocess, sys
from pathlib import Path
from celestial_pgat.app import worker
worker.subprocess = subprocess
script = Path(sys.argv.pop(1))
os.setsid()
os.chdir(script.parents[1])
sys.path[0] = str(script.parent)
runpy.run_path(script, run_name="__main__")
"""


def children() -> list[psutil.Process]:
    return [process for process in psutil.Process().children(recursive=True) if process.status() != psutil.STATUS_ZOMBIE]


def wait_for_states(folder: Path, alive=lambda: True, count: int = 2) -> None:
    while len(list(folder.rglob("last.ckpt"))) < count and alive():
        time.sleep(0.05)


def leaves_models(folder: Path, words: str, call) -> None:
    """Look at what two trainings that were stopped have left in `folder`, and at what was said of it."""
    states = list(folder.rglob("last.ckpt"))
    assert len(states) == 2 and all(str(path) in words for path in states) and not parts(folder), words
    assert words.count("The best model so far can be used") == 1
    for state in states:
        assert (state.parent / "config.json").is_file()
    model = words.split("celestial-pgat forecast --model ")[1].split()[0]
    ahead = call("forecast", "--model", model)
    assert ahead.returncode == 0 and "2019-01-02" in ahead.stdout, ahead.stderr


def test_the_same_to_the_last_bit_and_the_same_files(tmp_path, capfd):
    """One has windows of its own, the other one is not kept; of both, each fusion point is looked at in each of four steps."""
    data, other = (prepare(load_config("smoke", overrides=OPTIONS), load_ohlc(name).iloc[-140:]) for name in ("sp500", "nasdaq"))
    found, listings = {}, {}
    for workers in (1, 2):
        folder = tmp_path / str(workers)
        jobs = make_jobs(data, folder, (1, 2), OPTIONS)
        jobs = [replace(jobs[0], data=other), replace(jobs[1], keep=False)]
        torch.manual_seed(0)
        found[workers] = train_jobs(jobs, workers)
        listings[workers] = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
        assert torch.rand(1) == torch.rand(1, generator=torch.Generator().manual_seed(0))
        assert data.sampler.seed == other.sampler.seed == 2024
    assert listings[1] == listings[2] and "seed_1/model.safetensors" in listings[1] and not (folder / "seed_2").exists()
    for one, two in zip(found[1], found[2], strict=True):
        assert one.history.equals(two.history) and one.fusion.equals(two.fusion) and len(one.fusion)
        assert list(one.history.dtypes) == list(two.history.dtypes) and not two.model.training
        weights = two.model.state_dict()
        assert weights.keys() == one.model.state_dict().keys()
        assert all(torch.equal(value, weights[name]) for name, value in one.model.state_dict().items())
    assert not found[1][0].history.equals(found[1][1].history), "another seed is another training"
    printed, progress = capfd.readouterr()
    assert printed.count("training seed 2: 80 windows, 2 epochs\n") == 2 and f"\n  seed 1: {found[2][0]}\n" in printed
    assert all(progress.count(f"  seed {seed}: batch 4 of 4, epoch 2/2 in 0") == 1 for seed in (1, 2)), progress


def test_a_script_without_a_main_guard_is_stopped(tmp_path, call):
    """Ctrl-C in a terminal reaches the whole group; and no file of the current folder is taken for a module."""
    (tmp_path / "own").mkdir()
    script = tmp_path / "own" / "script.py"
    script.write_text(SCRIPT)
    (tmp_path / "json.py").write_text("raise ImportError('a file of the current folder')")
    process = Forked([sys.executable, "-u", "-c", BEGUN, str(script)], text=True, stdin=subprocess.PIPE,
                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for_states(tmp_path, lambda: process.poll() is None)
    inside = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    assert len(inside) == 2, process.communicate()
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate()                          # ends when all that hold the pipe have ended
    _, alive = psutil.wait_procs(inside, timeout=100)
    assert not alive and not parts(tmp_path), errors
    assert errors.count("Traceback") == 1, errors
    words = errors[errors.index("\nKeyboardInterrupt: "):].replace(" run/", f" {tmp_path}/run/")
    assert "Ignored" not in errors and f"--model {tmp_path}/run/with_sky" in words, words
    leaves_models(tmp_path, words, call)


def test_the_trainings_of_a_killed_script_end(tmp_path):
    """SIGKILL reaches the script alone, and its children notice; also where a shell told them to ignore Ctrl-C."""
    begun = f"import os, signal; os.chdir({str(tmp_path)!r}); signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    process = Forked([sys.executable, "-u", "-c", begun + SCRIPT], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                     stderr=subprocess.STDOUT)
    wait_for_states(tmp_path, lambda: process.poll() is None)
    inside = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    assert len(inside) == 2, process.communicate()
    process.kill()
    printed, _ = process.communicate()                         # ends when all that hold the pipe have ended
    _, alive = psutil.wait_procs(inside, timeout=100)
    assert not alive and not parts(tmp_path), printed
    assert all((tmp_path / "run" / name / "config.json").is_file() for name in ("with_sky", "without_sky"))


def test_a_process_that_is_killed_is_named(data, tmp_path):
    def kill():
        wait_for_states(tmp_path, lambda: not over.is_set())
        if found := children():
            found[0].kill()

    over, thread = threading.Event(), threading.Thread(target=kill, daemon=True)
    thread.start()
    try:
        with pytest.raises(JobFailed, match=r"the training seed \d was killed \(signal 9\): probably not enough memory"):
            train_jobs(make_jobs(data, tmp_path, overrides=LONG), 2, progress=False)
    finally:
        over.set()
    assert not children() and not list(tmp_path.glob(".*"))
    assert len(list(tmp_path.rglob("config.json"))) == 1, "the other one was stopped, and saved its best"


def test_a_training_that_diverges(data, tmp_path):
    """Its error comes as it would from here; it waits until the one before it has ended, and that stays."""
    first, second = make_jobs(data, tmp_path)
    jobs = [first, replace(second, cfg=load_config(second.cfg, overrides=["train.learning_rate=1e30", "train.clip=1e30"]))]
    told = []
    for train, chosen in ((train_jobs, jobs[1:]), (_train_apart, jobs)):
        folder = tmp_path / str(len(told))
        with pytest.raises(FloatingPointError) as error:
            train([replace(job, folder=folder / job.name) for job in chosen], 1, progress=False)
        told.append(str(error.value))
    assert told[0] == told[1] and "No optimiser step was taken" in told[0] and not children() and not parts(tmp_path)
    assert (folder / "seed 1" / "config.json").is_file() and not (folder / "seed 2" / "config.json").exists()


def test_a_full_disk(data, tmp_path):
    """For the windows it is seen at once; for a state, by the process that writes it."""
    jobs = make_jobs(data, tmp_path, overrides=["model.d=256"])
    for size in (100_000, 1_500_000):
        with largest_file(size), pytest.raises(DiskFull, match="no room to write.*make room on that disk") as full:
            _train_apart(jobs[:1], 1, progress=False)
        assert ("data" in str(full.value)) == (size == 100_000) and not parts(tmp_path) and not children()


def test_the_bar_of_a_job_counts_its_time_from_the_first_batch(data, tmp_path):
    terminal = type("Terminal", (io.StringIO,), {"isatty": lambda self: True})()
    board, (job, _) = _Board(True, terminal), make_jobs(data, tmp_path)
    board.begin(job)
    bar = board.bars[job.name]
    bar.start_t -= 1000                                       # torch took long to load
    board.move(job, 5, 20, "epoch 1/2", False)
    assert bar.format_dict["elapsed"] < 500 and (bar.n, bar.total) == (5, 20)
    board.end(job)
