"""Damaged or foreign: a state that is not what it should be is refused, and what is good stays."""
import hashlib
import io
import os
import pickle
import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from celestial_pgat.data.prices import load_ohlc
from celestial_pgat.train.states import FORMAT, MAGIC, StateError, newest_state, read_state, write_state

from faults.training import DATA, KEPT, PLAN, Child, in_child, lost, train, windows


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A run that was ended by Ctrl-C in its second epoch, and what comes out when it goes on."""
    folder = tmp_path_factory.mktemp("kept") / "run"
    stopped = in_child(folder, stop, cfg=KEPT)
    assert stopped.error.startswith("TrainingInterrupted"), stopped.trace
    return folder, in_child(folder.parent / "whole", cfg=KEPT).returned


def stop(folder, **options) -> None:
    from faults.training import stop_on
    stop_on(folder, "on_train_batch_start", 5, [2], **options)


@pytest.fixture
def begun(kept, folder):
    """A copy of that run: last.ckpt and epoch_001.ckpt."""
    shutil.copytree(kept[0], folder)
    return folder


def sealed(payload: bytes, version: int = FORMAT) -> bytes:
    """Seal any bytes as a state is."""
    return f"{MAGIC.decode()} {version} {len(payload)} {hashlib.sha256(payload).hexdigest()}\n".encode() + payload


def stored(content: object) -> bytes:
    """Write any object as torch does."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


class Malice:
    """Write a file when it is unpickled."""

    def __reduce__(self):
        return os.system, ("touch malice_was_executed",)


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1:]


DAMAGES = {
    "cut in half": lambda data, state: data[:len(data) // 2],
    "cut in its first line": lambda data, state: data[:30],
    "with one bit flipped": lambda data, state: flipped(data),
    "with zeros in its second half": lambda data, state: data[:len(data) // 2] + bytes(len(data) - len(data) // 2),
    "all zeros": lambda data, state: bytes(len(data)),
    "empty": lambda data, state: b"",
    "of another format": lambda data, state: data.replace(b"state 1 ", b"state 9 ", 1),
    "without the optimiser": lambda data, state: sealed(stored({key: state[key] for key in state if key != "optimizer_states"})),
    "with an unknown part": lambda data, state: sealed(stored(state | {"weather": "rain"})),
    "without a history": lambda data, state: sealed(stored(state | {"callbacks": {}})),
    "that is a list": lambda data, state: sealed(stored([1, 2])),
    "that is a table": lambda data, state: b"Date,Close\n2018-12-31,2506.85\n",
    "that is a checkpoint of torch": lambda data, state: stored(state),
    "that is a malicious pickle": lambda data, state: pickle.dumps(Malice(), protocol=2),
    "that is a malicious checkpoint of torch": lambda data, state: stored(Malice()),
    "that is a malicious pickle behind a good seal": lambda data, state: sealed(pickle.dumps(Malice(), protocol=2)),
    "that is a malicious checkpoint behind a good seal": lambda data, state: sealed(stored(Malice())),
}


def refused(folder, resume, kind=StateError, **options) -> str:
    """Hold that going on is refused and that nothing in the folder has changed; return the message."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(kind) as error:
        train(folder, resume=resume, **options)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    return f"{error.type.__name__}: {error.value}"


@pytest.mark.parametrize("case", DAMAGES)
def test_state(fault, kept, begun, case, monkeypatch):
    """last.ckpt {case}"""
    monkeypatch.chdir(begun.parent)
    last = begun / "last.ckpt"
    last.write_bytes(DAMAGES[case](last.read_bytes(), read_state(last)))
    fault.seen = refused(begun, last, cfg=KEPT)
    assert not [*begun.parent.rglob("malice*")], "it was executed"
    assert newest_state(begun) == begun / "epoch_001.ckpt" and "epoch_001.ckpt" in fault.seen
    fault.lost = "nothing"
    if case in ("cut in half", "that is a malicious pickle"):
        fault.lost = lost(kept[1], in_child(begun, resume=newest_state(begun), cfg=KEPT))


def test_no_good_state(fault, whole, begun):
    """all states of a folder damaged"""
    for path in begun.glob("*.ckpt"):
        path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(StateError, match="no state in .* is good") as error:
        newest_state(begun)
    fault.seen, fault.lost = str(error.value), "nothing"


OTHERS = {
    "of another learning rate": lambda: dict(cfg=replace(KEPT, train=replace(KEPT.train, learning_rate=0.5))),
    "of another width": lambda: dict(cfg=replace(KEPT, model=replace(KEPT.model, d=16))),
    "of another seed": lambda: dict(cfg=replace(KEPT, seed=3)),
    "of other units": lambda: dict(cfg=KEPT, data=units()),
    "of other sessions": lambda: dict(cfg=KEPT, data=windows(KEPT, load_ohlc("sp500").iloc[-240:-110])),
}


def units():
    """Return the same windows in other units."""
    import copy
    data = copy.copy(DATA)
    data.scales = replace(DATA.scales, price=2 * DATA.scales.price)
    return data


@pytest.mark.parametrize("case", OTHERS)
def test_other(fault, kept, begun, case):
    """a state {case}"""
    fault.seen, fault.lost = refused(begun, begun / "last.ckpt", **OTHERS[case]()), "nothing"
    if case == "of another width":
        fault.lost = lost(kept[1], in_child(begun, resume=begun / "last.ckpt", cfg=KEPT))


def test_other_model(fault, kept, begun):
    """a state whose model has another layer than this one"""
    state = read_state(begun / "last.ckpt")
    name = next(iter(state["state_dict"]))
    state["state_dict"]["model.forgotten.weight"] = state["state_dict"].pop(name)
    write_state(begun / "last.ckpt", state)
    before = (begun / "last.ckpt").read_bytes()
    outcome = in_child(begun, resume=begun / "last.ckpt", cfg=KEPT)
    assert outcome.error.startswith("StateError") and name in outcome.error and (begun / "last.ckpt").read_bytes() == before
    fault.seen, fault.lost = outcome.error, lost(kept[1], in_child(begun, resume=begun / "epoch_001.ckpt", cfg=KEPT))


NO_STATES = {
    "best.ckpt": (lambda folder: folder / "best.ckpt", StateError),
    "a folder": (lambda folder: folder, FileNotFoundError),
    "a file that is not there": (lambda folder: folder / "epoch_009.ckpt", FileNotFoundError),
    "the configuration": (lambda folder: _text(folder / "config.json"), StateError),
}


def _text(path):
    path.write_text("{}")
    return path


@pytest.mark.parametrize("case", NO_STATES)
def test_no_state(fault, begun, case):
    """{case} given as a state"""
    make, kind = NO_STATES[case]
    fault.seen, fault.lost = refused(begun, make(begun), kind, cfg=KEPT), "nothing"


def test_part(fault, kept, begun):
    """a part that a killed process left, whole and newer than the state"""
    shutil.copy(begun / "last.ckpt", begun / ".part-last.ckpt")
    assert newest_state(begun) == begun / "last.ckpt"
    fault.seen, fault.lost = "goes on from last.ckpt", lost(kept[1], in_child(begun, resume=newest_state(begun), cfg=KEPT))


def test_part_given(fault, kept, begun):
    """a part that a killed process left, given as a state"""
    (begun / "last.ckpt").rename(begun / ".part-last.ckpt")
    fault.seen = refused(begun, begun / ".part-last.ckpt", cfg=KEPT)
    fault.lost = lost(kept[1], in_child(begun, resume=newest_state(begun), cfg=KEPT))


# The folder

def test_folder_of_another_kind(fault, begun):
    """the folder of something else given as that of a run"""
    for path in begun.glob("*.ckpt"):
        path.unlink()
    with pytest.raises(FileNotFoundError, match="another folder") as error:
        newest_state(begun)
    fault.seen, fault.lost = str(error.value), "nothing"


def test_folder_that_holds_a_run(fault, begun):
    """a new training in the folder of another one"""
    fault.seen, fault.lost = refused(begun, None, FileExistsError, cfg=KEPT), "nothing"


def test_move_over_a_run(fault, begun, tmp_path):
    """going on in the folder of another run"""
    there = tmp_path / "there"
    shutil.copytree(begun, there)
    fault.seen, fault.lost = refused(there, begun / "last.ckpt", FileExistsError, cfg=KEPT), "nothing"


def test_move(fault, kept, begun, tmp_path):
    """the folder of a run was renamed"""
    there = begun.rename(tmp_path / "there")
    fault.seen, fault.lost = "it goes on there", lost(kept[1], in_child(there, resume=newest_state(there), cfg=KEPT))


def test_move_finished(fault, whole, folder, tmp_path):
    """a run that has ended goes on in another folder"""
    assert in_child(folder).returned
    there = in_child(tmp_path / "there", resume=folder / "last.ckpt", logs=[folder])
    assert not there.error, there.trace
    fault.seen, fault.lost = "there is nothing to do, and its model is there", lost(whole, there)


def test_two_runs(fault, whole, folder):
    """two runs in one folder"""
    first = Child(wait, folder)
    for _ in range(600):
        if (folder / "waits").exists():
            break
        import time
        time.sleep(0.1)
    second, again = in_child(folder, cfg=PLAN), in_child(folder, resume=folder / "last.ckpt")
    (folder / "goes on").touch()
    fault.seen, fault.lost = again.error, lost(whole, first.end())
    assert again.error.startswith("FolderInUse") and second.error.startswith(("FolderInUse", "FileExistsError"))


def wait(folder) -> dict:
    """Train, and wait in the middle of it."""
    import time
    from faults.training import On

    def pause(*_) -> None:
        (folder / "waits").touch()
        for _ in range(1200):
            if (folder / "goes on").exists():
                return
            time.sleep(0.1)

    return train(folder, callbacks=[On("on_train_batch_start", 3, pause)])


def test_lock_left(fault, whole, folder):
    """a lock that a killed process left"""
    folder.mkdir()
    (folder / "run.lock").write_text("process 1 on this machine")
    fault.seen, fault.lost = "it begins: nobody holds the lock", lost(whole, in_child(folder))
    assert not (folder / "run.lock").exists()


def test_lock_removed(fault, whole, folder):
    """another run ends between opening and taking the lock"""
    outcome = in_child(folder, train_while_lock_goes)
    fault.seen, fault.lost = "it takes a lock of its own", lost(whole, outcome)


def train_while_lock_goes(folder) -> dict:
    """Train; the lock is removed by who held it before it is taken, and somebody else would make a new one."""
    import fcntl
    from faults.training import On
    take, taken = fcntl.flock, []

    def race(file, how):
        if not taken:
            (folder / "run.lock").unlink()
        taken.append(take(file, how))

    fcntl.flock = race
    held = []
    made = train(folder, callbacks=[On("on_train_start", 1, lambda *_: held.append((folder / "run.lock").is_file()))])
    assert held == [True]
    return made


def as_nobody(folder, **options) -> dict:
    """Train as somebody who may not write everywhere."""
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    return train(folder, **options)


@pytest.mark.parametrize("case", ["a folder that may not be written", "a new folder in one that may not be written",
                                  "a folder that is a file", "a folder within a file"])
def test_folder(fault, whole, case):
    """{case}"""
    with TemporaryDirectory() as open_to_all:
        Path(open_to_all).chmod(0o755)
        folder = Path(open_to_all) / "run"
        if "written" in case:
            folder.mkdir()
            folder.chmod(0o555)
        else:
            folder.write_text("a file")
        run = in_child(folder / "below" if "in" in case.split() or "within" in case else folder, as_nobody)
        assert run.error.startswith(("PermissionError: ", "FileExistsError: ", "NotADirectoryError: ")), run.trace
        assert "choose another" in run.error
        fault.seen, fault.lost = run.error.replace(str(folder), "<folder>"), "nothing"
        if case == "a folder within a file":
            fault.lost = lost(whole, in_child(Path(open_to_all) / "another"))


def test_horizon(fault):
    """a horizon longer than the data"""
    cfg = replace(PLAN, model=replace(PLAN.model, horizon=60, label=4))
    with pytest.raises(ValueError, match="too few") as error:
        windows(cfg)
    fault.seen, fault.lost = str(error.value), "nothing"
