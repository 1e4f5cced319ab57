"""A training so small that a hundred of them take a minute, and processes in which it may be killed.

What is promised to the last bit is promised on the CPU, so CUDA is hidden here. Each training runs in a process that is
forked from this one, which has loaded torch, and that has its own signals, limits and working state.
"""
import hashlib
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import traceback
import warnings
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

os.environ["CUDA_VISIBLE_DEVICES"] = ""

import pandas as pd
import torch
from celestial_pgat.core import files
from celestial_pgat.data.prices import load_ohlc
from celestial_pgat.data.windows import ForecastData
from celestial_pgat.model.config import Config, preset
from celestial_pgat.train.loop import fit
from celestial_pgat.train.states import read_state
from jaxtyping import config as shape_checks
from lightning.pytorch import Callback

CONTEXT = multiprocessing.get_context("fork")


def plan(sky: bool = False, **train: Any) -> Config:
    """Return the configuration of these tests: two epochs of four batches, two a step, a state after each step."""
    cfg = preset("smoke")
    small = replace(cfg.model, use_sky=sky, d=8, body_width=4, combiner_width=4, combiner_layers=1, celestial_fusion_dim=8,
                    dropout=0.2)
    usual = dict(epochs=2, accumulate=2, learning_rate=0.02, checkpoint_minutes=1e-9)
    return replace(cfg, model=small, data=replace(cfg.data, batch_size=18), train=replace(cfg.train, **usual | train))


PLAN = plan()
KEPT = plan(checkpoint_every=1, keep=1)                         # each epoch is kept, until the next
WATCHED = plan(diagnose_every=4, memory_every=3)                # fusion points and memory are logged


def windows(cfg: Config = PLAN, prices: pd.DataFrame | None = None) -> ForecastData:
    """Cut 130 sessions of the S&P 500 into windows."""
    rows = load_ohlc("sp500").iloc[-230:-100] if prices is None else prices
    return ForecastData(rows, cfg.model.history, cfg.model.horizon, cfg.data.batch_size, cfg.train.accumulate, seed=cfg.seed)


DATA = windows()


def digest(state: dict[str, torch.Tensor]) -> str:
    """Hash weights."""
    return hashlib.sha256(b"".join(value.numpy().tobytes() for value in state.values())).hexdigest()[:12]


def logged(folder: Path) -> list[tuple]:
    """Return what the CSV logs of a run say of each step, the latest word of each."""
    rows: dict[int, tuple] = {}
    for path in sorted(folder.glob("log/version_*/metrics.csv"), key=lambda path: int(path.parent.name.split("_")[1])):
        table = pd.read_csv(path) if path.stat().st_size else ()
        if "loss" in table:
            kept = table[table.loss.notna()]
            rows |= {row.step: tuple(row) for row in kept[["step", "loss", "gradient_norm", "learning_rate"]].itertuples(index=False)}
    return [rows[step] for step in sorted(rows)]


def train(folder: Path, cfg: Config = PLAN, data: ForecastData = DATA, logs: list[Path] | None = None, **options: Any) -> dict:
    """Train, or go on, and return what came out: weights, history, rows of the fusion points, steps in the log."""
    made = fit(cfg, data, folder, progress=False, **options)
    last = read_state(made.last_path)
    steps: dict[float, tuple] = {}
    for place in [*(logs or []), folder]:
        steps |= {row[0]: row for row in logged(place)}
    return {"the weights": digest(last["state_dict"]), "the best weights": digest(made.model.state_dict()),
            "best.ckpt": digest(read_state(made.best_path)["weights"]), "the history": made.history.to_csv(),
            "the rows of the fusion points": made.fusion.to_csv(), "the logged steps": [steps[key] for key in sorted(steps)]}


def lost(whole: dict, outcome: "Outcome") -> str:
    """Say in what a run differs from one that nothing happened to."""
    if outcome.returned is None:
        return f"the run: {outcome.error or outcome.exit}"
    return ", ".join(name for name in whole if whole[name] != outcome.returned[name]) or "nothing"


# A process in which it may be killed

@dataclass
class Outcome:
    """How a process ended: its exit code, what its function returned or raised, what was seen."""
    exit: int = 0
    returned: Any = None
    error: str = ""
    warned: list[str] = field(default_factory=list)
    printed: str = ""
    trace: str = ""

    @property
    def seen(self) -> str:
        """What a person sees: the warnings, then the error."""
        return "; ".join([*dict.fromkeys(self.warned), *filter(None, [self.error])])


def _run(pipe, printed: Path, function, args: tuple, options: dict) -> None:
    """Call a function and send how it ended."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    torch.set_num_threads(1)
    shape_checks.update("jaxtyping_disable", True)     # users do not have them
    outcome = Outcome()
    handle = os.open(printed, os.O_WRONLY | os.O_TRUNC)
    os.dup2(handle, 2)
    sys.stderr = open(2, "w", buffering=1, closefd=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            outcome.returned = function(*args, **options)
        except BaseException as error:
            outcome.error, outcome.trace = f"{type(error).__name__}: {error}", traceback.format_exc()
    outcome.warned = [str(warning.message) for warning in caught if issubclass(warning.category, UserWarning | RuntimeWarning)]
    pipe.send(outcome)
    pipe.close()


class Child:
    """A process that calls a function; `end` waits for it."""

    def __init__(self, function, *args: Any, **options: Any):
        self.pipe, theirs = CONTEXT.Pipe(duplex=False)
        self.printed = Path(tempfile.mkstemp()[1])
        self.process = CONTEXT.Process(target=_run, args=(theirs, self.printed, function, args, options))
        self.process.start()
        theirs.close()

    def end(self) -> Outcome:
        """Return how it ended."""
        try:
            outcome = self.pipe.recv()
        except EOFError:
            outcome = Outcome()
        self.process.join()
        outcome.exit = self.process.exitcode
        outcome.printed = self.printed.read_text()
        self.printed.unlink()
        return outcome


def in_child(folder: Path, function=train, **options: Any) -> Outcome:
    """Call `function(folder, ...)` in a process of its own."""
    return Child(function, folder, **options).end()


# Faults

def kill() -> None:
    """End this process as `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)


def send(*numbers: int):
    """Return an action that sends signals to this process."""
    def action(*_: Any) -> None:
        for number in numbers:
            os.kill(os.getpid(), number)
    return action


class On(Callback):
    """Do something when a hook of the training is called for the n-th time."""

    def __init__(self, hook: str, number: int, action):
        self.left, self.action = number, action
        setattr(self, hook, self.count)

    def count(self, *arguments: Any) -> None:
        self.left -= 1
        if self.left == 0:
            self.action(*arguments)


def die_on(folder: Path, hook: str, number: int, **options: Any) -> None:
    """Train, and be killed when a hook is called for the n-th time."""
    train(folder, callbacks=[On(hook, number, lambda *_: kill())], **options)


def stop_on(folder: Path, hook: str, number: int, signals: list[int], **options: Any) -> Any:
    """Train, and meet signals when a hook is called for the n-th time."""
    return train(folder, callbacks=[On(hook, number, send(*signals))], **options)


@contextmanager
def small_disk(size: int):
    """Let this process write no file above `size` bytes, as a full disk would; the system says so."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def fill_disk(name: str, times: range, size: int = 100) -> None:
    """Let the disk be full when the file `name` is written for the `times`-th times, counted from 1."""
    original, count, inside = files.naming_full_disk, [0], []

    @contextmanager
    def limited(path):
        if Path(path).name != name or inside:
            with original(path):
                yield
            return
        count[0] += 1
        inside.append(path)
        try:
            with original(path), small_disk(size) if count[0] in times else nullcontext():
                yield
        finally:
            inside.clear()

    files.naming_full_disk = limited


def train_full(folder: Path, name: str, times: range, size: int = 100, **options: Any) -> dict:
    """Train on a disk that is full for some writes of the file `name`."""
    fill_disk(name, times, size)
    return train(folder, **options)


def spoil(trainer, module, batch, index, name: str, value: float) -> None:
    """Put a number that is none into a field of a batch."""
    setattr(batch, name, torch.full_like(getattr(batch, name), value))
