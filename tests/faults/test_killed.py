"""Killed: the process ends at once, and a new one goes on."""
import os
import resource
import signal
import sys
from pathlib import Path

import pytest
from celestial_pgat.core import files
from celestial_pgat.fusion import records
from celestial_pgat.train import memory, resuming, states
from celestial_pgat.train.states import newest_state, read_state

from faults.training import KEPT, PLAN, WATCHED, die_on, in_child, kill, lost, train


def go_on(fault, whole, folder, ended, code=-signal.SIGKILL, **options) -> None:
    """Hold that the process was killed, and that a new one ends as if nothing had happened."""
    assert ended.exit == code, ended.trace + ended.printed
    state = newest_state(folder)
    place = f"goes on from {state.name}, after {files.counted(read_state(state)['global_step'], 'optimiser step')}"
    again = in_child(folder, train, resume=state, **options)
    assert not again.error, again.trace
    fault.seen, fault.lost = "; ".join([place, *again.warned]), lost(whole, again)


@pytest.mark.parametrize("case, hook, number", [
    ("in the middle of an epoch", "on_train_batch_start", 3), ("in an accumulated group", "on_train_batch_end", 3),
    ("in the second epoch", "on_train_batch_start", 7), ("during a validation", "on_validation_batch_start", 2),
    ("between two epochs", "on_train_epoch_start", 2), ("after the last state", "on_fit_end", 1)])
def test_kill(fault, whole, folder, case, hook, number):
    """kill -9 {case}"""
    go_on(fault, whole, folder, in_child(folder, die_on, hook=hook, number=number))


def test_kill_before_the_first_state(fault, whole, folder):
    """kill -9 while the untrained model is validated"""
    ended = in_child(folder, die_on, hook="on_validation_batch_start", number=1)
    assert ended.exit == -signal.SIGKILL
    with pytest.raises(FileNotFoundError, match="start it again") as error:
        newest_state(folder)
    fault.seen, fault.lost = str(error.value), lost(whole, in_child(folder))


# While a file is written

def die_writing(folder: Path, name: str, number: int, where: str, **options) -> None:
    """Train, and be killed at a place within the n-th writing of the file `name`."""
    count, write, sync, replace = [0], files.write_whole, files._sync, os.replace

    def at(place: str, path: Path) -> None:
        if place == where and count[0] == number and path.name in (name, f".part-{name}"):
            kill()

    def write_whole(path, save):
        count[0] += Path(path).name == name
        at("before", Path(path))

        def cut(part):
            if where == "middle" and Path(path).name == name and count[0] == number:
                signal.signal(signal.SIGXFSZ, signal.SIG_DFL)   # the system ends the process when it writes past this size
                resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
                resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
            save(part)
            at("written", part)

        made = write(path, cut)
        at("renamed", Path(path))
        return made

    def rename(part, path):
        at("synced", Path(path))
        replace(part, path)

    files._sync = lambda path: (at("written", path), sync(path))
    states.write_whole, files.write_whole, os.replace = write_whole, write_whole, rename
    train(folder, **options)


@pytest.mark.parametrize("case, where", [("in the middle of writing", "middle"), ("between writing and syncing", "written"),
                                         ("between syncing and renaming", "synced"), ("after renaming", "renamed")])
@pytest.mark.parametrize("name", ["last.ckpt", "best.ckpt", "epoch_002.ckpt"])
def test_kill_writing(fault, whole, folder, name, case, where):
    """killed {case} {name}"""
    number = {"last.ckpt": 4, "best.ckpt": 2, "epoch_002.ckpt": 1}[name]
    cfg = KEPT if name.startswith("epoch") else PLAN
    ended = in_child(folder, die_writing, name=name, number=number, where=where, cfg=cfg)
    go_on(fault, whole, folder, ended, -signal.SIGXFSZ if where == "middle" else -signal.SIGKILL, cfg=cfg)
    assert not [*folder.glob(".part-*")], "no part is left when the run has ended"


def test_kill_writing_the_first_state(fault, whole, folder):
    """killed in the middle of writing the first state"""
    ended = in_child(folder, die_writing, name="last.ckpt", number=1, where="middle")
    assert ended.exit == -signal.SIGXFSZ
    with pytest.raises(FileNotFoundError, match="start it again") as error:
        newest_state(folder)
    fault.seen, fault.lost = str(error.value), lost(whole, in_child(folder))


def die_removing(folder: Path) -> None:
    """Train, and be killed before the older of two kept epochs is removed."""
    states.StateFiles.remove_checkpoint = lambda *_: kill()
    train(folder, cfg=KEPT)


def test_kill_removing(fault, whole, folder):
    """kill -9 before an older kept epoch is removed"""
    go_on(fault, whole, folder, in_child(folder, die_removing), cfg=KEPT)


# While a log is appended to

def die_appending(folder: Path, number: int, name: str) -> None:
    """Train, and be killed when the n-th row is half appended to a log."""
    count, append = [0], records.append_json_lines

    def half(path, rows):
        if not rows or Path(path).name != name:
            return append(path, rows)
        count[0] += 1
        append(path, rows)
        if count[0] == number:
            os.truncate(path, Path(path).stat().st_size - 40)
            kill()

    records.append_json_lines = half
    train(folder, cfg=WATCHED)


@pytest.mark.parametrize("name, number", [("fusion.jsonl", 5), ("memory.jsonl", 3)])
def test_kill_appending(fault, watched, folder, name, number):
    """kill -9 while {name} is appended to"""
    ended = in_child(folder, die_appending, number=number, name=name)
    assert not (folder / name).read_bytes().endswith(b"\n"), "the last line is cut"
    go_on(fault, watched, folder, ended, cfg=WATCHED)
    table = memory.read_memory_log(folder / "memory.jsonl")
    assert set(table.stage) == {"fit start", "train batch", "validation", "fit end"}


def test_kill_logging(fault, whole, folder):
    """kill -9 while the CSV log is written"""
    go_on(fault, whole, folder, in_child(folder, die_logging))


def die_logging(folder: Path) -> None:
    """Train, and be killed when half of the log of the third saving is on the disk."""
    from csv import DictWriter
    count, write = [0], DictWriter.writerows

    def half(writer, rows):
        count[0] += 1
        write(writer, rows)
        if count[0] == 3:
            os.truncate(folder / "log" / "version_0" / "metrics.csv", 30)
            kill()

    DictWriter.writerows = half
    train(folder)


def die_moving(folder: Path, state: Path) -> None:
    """Go on in another folder, and be killed when the log is there and the state is not."""
    copy = resuming.write_whole

    def copied(path, save):
        if Path(path).name == "last.ckpt":
            kill()
        return copy(path, save)

    resuming.write_whole = copied
    train(folder, cfg=WATCHED, resume=state)


def test_kill_moving(fault, watched, folder, tmp_path):
    """kill -9 while a run moves into another folder"""
    assert in_child(folder, die_on, hook="on_train_batch_end", number=5, cfg=WATCHED).exit == -signal.SIGKILL
    state, there = newest_state(folder), tmp_path / "there"
    assert in_child(there, die_moving, state=state).exit == -signal.SIGKILL
    assert not [*there.glob("*.ckpt")]
    again = in_child(there, resume=state, cfg=WATCHED, logs=[folder])
    fault.seen, fault.lost = f"the same command again: goes on from {state.name} of the old folder", lost(watched, again)


# Anywhere

def count_calls(folder: Path, die_at: int | None = None, **options) -> int:
    """Train and count the calls of Python; be killed at one of them."""
    count = [0]

    def trace(*_) -> None:
        count[0] += 1
        if count[0] == die_at:
            kill()

    sys.settrace(trace)
    try:
        train(folder, **options)
    finally:
        sys.settrace(None)
    return count[0]


@pytest.fixture(scope="module")
def calls(tmp_path_factory) -> int:
    """The number of calls in a training."""
    return in_child(tmp_path_factory.mktemp("counted") / "run", count_calls, cfg=WATCHED).returned


@pytest.mark.parametrize("case", [0.21, 0.37, 0.52, 0.68, 0.83])
def test_kill_anywhere(fault, watched, folder, calls, case):
    """kill -9 after a share of {case} of all calls of Python"""
    ended = in_child(folder, count_calls, die_at=int(case * calls), cfg=WATCHED)
    go_on(fault, watched, folder, ended, cfg=WATCHED)
    fault.seen = "goes on from its newest state"
