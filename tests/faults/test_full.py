"""Full: the disk has no room, at once or for all of a run."""
import pytest
from celestial_pgat.train.memory import read_memory_log
from celestial_pgat.train.states import newest_state, read_state

from faults.training import KEPT, WATCHED, die_on, fill_disk, in_child, lost, stop_on, train, train_full

EVER = range(1, 1000)


@pytest.mark.parametrize("case, name, times, size", [
    ("while a state is written", "last.ckpt", range(3, 4), 20_000), ("for all states after the first", "last.ckpt", range(2, 1000), 20_000),
    ("for the last state", "last.ckpt", range(5, 6), 20_000), ("for the best weights once", "best.ckpt", range(1, 2), 20_000),
    ("for the last best weights", "best.ckpt", range(3, 4), 20_000), ("for the CSV log", "metrics.csv", range(2, 3), 10),
    ("for the CSV log when it gets columns", "metrics.csv", range(3, 7), 60), ("for the first rows of the CSV log", "metrics.csv", range(1, 4), 5)])
def test_full(fault, whole, folder, case, name, times, size):
    """no room {case}"""
    run = in_child(folder, train_full, name=name, times=times, size=size)
    assert not run.error, run.trace
    assert not [*folder.glob(".part-*")]
    again = in_child(folder, resume=newest_state(folder))
    fault.seen, fault.lost = run.seen, lost(whole, again)
    assert name == "last.ckpt" or lost(whole, run) == "nothing", "before somebody goes on, too"


@pytest.mark.parametrize("case, name, times, size", [
    ("for the log of the fusion points, once", "fusion.jsonl", range(1, 2), 10), ("for all of the log of the fusion points", "fusion.jsonl", EVER, 10),
    ("for the memory log", "memory.jsonl", range(2, 3), 10)])
def test_full_log(fault, watched, folder, case, name, times, size):
    """no room {case}"""
    run = in_child(folder, train_full, name=name, times=times, size=size, cfg=WATCHED)
    assert not run.error, run.trace
    fault.seen, fault.lost = run.seen, lost(watched, run)
    table = read_memory_log(folder / "memory.jsonl")
    assert [*table.stage] == ["fit start", *["train batch"] * 2, "validation", "train batch", "validation", "fit end"]


def test_full_kept_epoch(fault, kept, folder):
    """no room for a kept epoch"""
    run = in_child(folder, train_full, name="epoch_002.ckpt", times=EVER, size=20_000, cfg=KEPT)
    fault.seen, fault.lost = run.seen, lost(kept, run)
    assert (folder / "epoch_001.ckpt").is_file(), "the older one stays"


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> dict:
    """What comes out where each epoch is kept."""
    return in_child(tmp_path_factory.mktemp("kept") / "run", cfg=KEPT).returned


def test_full_first_state(fault, whole, folder):
    """no room for the first state"""
    run = in_child(folder, train_full, name="last.ckpt", times=range(1, 2), size=20_000)
    assert run.error.startswith("DiskFull") and not [*folder.glob("*last.ckpt")]
    fault.seen, fault.lost = run.error, lost(whole, in_child(folder))


def test_full_resumed(fault, whole, folder):
    """no room for the first state after going on"""
    assert in_child(folder, die_on, hook="on_train_batch_start", number=3).exit
    run = in_child(folder, train_full, name="last.ckpt", times=range(1, 2), size=20_000, resume=newest_state(folder))
    fault.seen, fault.lost = run.seen, lost(whole, run)


def test_full_moving(fault, whole, folder, tmp_path):
    """no room in the folder into which a run moves"""
    assert in_child(folder, die_on, hook="on_train_batch_start", number=3).exit
    state, there = newest_state(folder), tmp_path / "there"
    run = in_child(there, train_full, name="last.ckpt", times=range(1, 2), size=20_000, resume=state)
    assert run.error.startswith("DiskFull") and not [*there.glob("*")]
    fault.seen, fault.lost = run.error, lost(whole, in_child(there, resume=state, logs=[folder]))


def stop_full(folder, **options) -> None:
    """Meet Ctrl-C while there is no room for a state."""
    fill_disk("last.ckpt", range(3, 1000), 20_000)
    stop_on(folder, "on_train_batch_start", 7, [2])


def test_full_and_stopped(fault, whole, folder):
    """Ctrl-C, and no room for the state that it asks for"""
    stopped = in_child(folder, stop_full)
    assert read_state(folder / "last.ckpt")["global_step"] == 1 and "after 1 optimiser step" in stopped.error
    fault.seen, fault.lost = stopped.seen, lost(whole, in_child(folder, resume=newest_state(folder)))


def full_for_all(folder) -> dict:
    """Train on a disk that has no room for anything in the second half of the first epoch."""
    import resource
    from faults.training import On
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    return train(folder, cfg=WATCHED, callbacks=[
        On("on_train_batch_start", 3, lambda *_: resource.setrlimit(resource.RLIMIT_FSIZE, (300, limits[1]))),
        On("on_train_batch_start", 5, lambda *_: resource.setrlimit(resource.RLIMIT_FSIZE, limits))])


def test_full_for_all(fault, watched, folder):
    """no room for any file for half an epoch"""
    run = in_child(folder, full_for_all)
    fault.seen, fault.lost = run.seen, lost(watched, run)
