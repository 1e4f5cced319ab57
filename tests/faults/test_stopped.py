"""Stopped: a signal asks the training to end."""
import signal

import pytest
from celestial_pgat.train.states import newest_state, read_state

from faults.training import PLAN, in_child, lost, plan, send, stop_on, train

INT, TERM = signal.SIGINT, signal.SIGTERM


def go_on(fault, whole, folder, stopped, cfg=PLAN) -> None:
    """Hold that the training says where it stopped, and that a new process ends as if nothing had happened."""
    assert stopped.error.startswith("TrainingInterrupted"), stopped.trace + stopped.printed
    fault.seen = "; ".join([*filter(None, [stopped.printed.strip()]), stopped.error])
    fault.lost = lost(whole, in_child(folder, resume=newest_state(folder), cfg=cfg))


@pytest.mark.parametrize("case, hook, number, signals, steps", [
    ("SIGTERM in an epoch", "on_train_batch_end", 2, [TERM], 1), ("Ctrl-C in an epoch", "on_train_batch_end", 2, [INT], 1),
    ("Ctrl-C in an accumulated group", "on_train_batch_end", 1, [INT], 1), ("SIGTERM in the last group", "on_train_batch_start", 3, [TERM], 2),
    ("Ctrl-C twice", "on_train_batch_end", 3, [INT, INT], 1), ("SIGTERM, then Ctrl-C", "on_train_batch_end", 3, [TERM, INT], 1),
    ("Ctrl-C during a validation", "on_validation_batch_start", 2, [INT], 2),
    ("SIGTERM during a validation", "on_validation_batch_start", 2, [TERM], 2),
    ("Ctrl-C before the first batch", "on_train_batch_start", 1, [INT], 1), ("SIGTERM after the last batch", "on_train_epoch_end", 2, [TERM], 4)])
def test_stop(fault, whole, folder, case, hook, number, signals, steps):
    """{case}"""
    stopped = in_child(folder, stop_on, hook=hook, number=number, signals=signals)
    assert read_state(folder / "last.ckpt")["global_step"] == steps
    go_on(fault, whole, folder, stopped)


@pytest.mark.parametrize("case, signals", [("Ctrl-C", [INT]), ("SIGTERM", [TERM])])
def test_stop_before_training(fault, whole, folder, case, signals):
    """{case} while the untrained model is validated"""
    stopped = in_child(folder, stop_on, hook="on_validation_batch_start", number=1, signals=signals)
    assert stopped.error.startswith("TrainingInterrupted"), stopped.trace + stopped.printed
    fault.seen = stopped.error
    again = dict(resume=folder / "last.ckpt") if (folder / "last.ckpt").exists() else {}
    fault.lost = lost(whole, in_child(folder, **again))


def stop_while_writing(folder) -> None:
    """Train, and meet Ctrl-C while a state is written."""
    from celestial_pgat.train import states
    write, count = states.write_state, [0]

    def interrupted(path, state):
        count[0] += 1
        if count[0] == 4:
            send(INT)()
        return write(path, state)

    states.write_state = interrupted
    train(folder)


def test_stop_while_writing(fault, whole, folder):
    """Ctrl-C while a state is written"""
    go_on(fault, whole, folder, in_child(folder, stop_while_writing))


def handlers(folder) -> list:
    """Train, be stopped, and return who handles the signals then."""
    with pytest.raises(KeyboardInterrupt):
        stop_on(folder, "on_train_batch_end", 2, [INT])
    return [signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler) for number in (INT, TERM)]


def test_ctrl_c_afterwards(fault, whole, folder):
    """Ctrl-C again, after a training was stopped by it"""
    assert in_child(folder, handlers).returned == [True, True]
    fault.seen = "it works as before the training"
    fault.lost = lost(whole, in_child(folder, resume=newest_state(folder)))


@pytest.fixture(scope="module")
def patient(tmp_path_factory) -> dict:
    """A run whose patience ends."""
    outcome = in_child(tmp_path_factory.mktemp("patient") / "run", cfg=PATIENT)
    assert outcome.returned["the history"].count("\n") == 4, "the header, the untrained model, two epochs of six"
    return outcome.returned


PATIENT = plan(patience=2, epochs=6, learning_rate=2.0, warmup_epochs=0)


def test_patience(fault, patient, folder):
    """SIGTERM when half of the patience of early stopping is gone"""
    go_on(fault, patient, folder, in_child(folder, stop_on, hook="on_train_batch_end", number=6, signals=[TERM], cfg=PATIENT), PATIENT)
