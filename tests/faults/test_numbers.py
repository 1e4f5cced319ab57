"""Not a number: NaN or an infinity stops the training before anything is overwritten, or its batch is skipped."""
import math
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from celestial_pgat.train.states import newest_state, read_state

from faults.training import DATA, PLAN, On, in_child, lost, plan, send, train

SKY = plan(sky=True)


def put(name: str, value: float, place: int | None = None):
    """Return an action that spoils a field of a batch, all of it or one entry."""
    def spoil(trainer, module, batch, index) -> None:
        field = getattr(batch, name).contiguous().clone()
        row = int(batch.days[-1]) * field[0].numel() if name.startswith("sky_") else 0       # a day that the batch reads
        field.view(-1)[slice(None) if place is None else row + place] = value
        setattr(batch, name, field)
    return spoil


def finite(state: dict) -> bool:
    """Say whether all numbers of a state are."""
    return all(bool(torch.isfinite(leaf).all()) for leaf in torch.utils._pytree.tree_leaves([state["state_dict"], state["optimizer_states"]])
               if isinstance(leaf, torch.Tensor))


def stopped_at(folder, make, hook: str, number: int, cfg=PLAN, **options) -> dict:
    """Train with a callback, which is to end in a FloatingPointError."""
    return train(folder, cfg=cfg, callbacks=[On(hook, number, make(**options))])


def hold(fault, whole, folder, run, cfg=PLAN) -> None:
    """Hold that a training stopped with a name, left good states, and ends well without the fault."""
    assert run.error.startswith("FloatingPointError"), run.error or run.trace or "the training went on"
    assert finite(read_state(folder / "last.ckpt"))
    fault.seen, fault.lost = run.error, lost(whole, in_child(folder, resume=newest_state(folder), cfg=cfg))


@pytest.fixture(scope="module")
def sky(tmp_path_factory) -> dict:
    """What comes out with the sky."""
    return in_child(tmp_path_factory.mktemp("sky") / "run", cfg=SKY).returned


FIELDS = [name for name, value in vars(DATA.train[[0]]).items()                # that are there, and read while it trains
          if value.numel() and value.is_floating_point() and name not in ("anchor", "scale")]


def all_fields(folder, value: float) -> dict:
    """Spoil one entry of each field in turn, each in a training of its own; return what was said."""
    said = {}
    for name in FIELDS:
        with TemporaryDirectory() as place:
            try:
                train(Path(place) / "run", cfg=SKY, callbacks=[On("on_train_batch_start", 1, put(name, value, 5))])
                said[name] = "the training went on"
            except FloatingPointError as error:
                said[name] = str(error) if finite(read_state(Path(place) / "run" / "last.ckpt")) else "the state is spoiled"
    return said


@pytest.mark.parametrize("case, value", [("NaN", math.nan), ("infinity", math.inf)])
def test_input(fault, sky, folder, case, value):
    """{case} in one number of a batch, in each of its fields"""
    run = in_child(folder, all_fields, value=value)
    assert run.returned, run.trace
    for name in FIELDS:
        assert f"batch.{name} is not finite" in run.returned[name], run.returned
    stopped = in_child(folder, stopped_at, make=put, hook="on_train_batch_start", number=3, cfg=SKY, name="past_target", value=value)
    hold(fault, sky, folder, stopped, SKY)


def overflow(factor: float):
    """Return an action that makes weights so large that a module overflows."""
    def act(trainer, module, *_) -> None:
        for parameter in module.model.parameters():
            parameter.data.mul_(factor)
    return act


def bad_gradient(trainer_hook: str = "", **_):
    """Return an action that lets the next gradient of a layer be infinite."""
    def act(trainer, module, *_) -> None:
        name, parameter = list(module.model.named_parameters())[3]
        parameter.register_hook(lambda gradient: gradient * math.inf)
    return act


def after_step(what: str):
    """Return an action that spoils a parameter, or the optimiser's memory of it, within the next step."""
    def act(trainer, module, *_) -> None:
        def spoil(optimizer, *_) -> None:
            parameter = next(iter(optimizer.state))
            (parameter.data if what == "parameter" else optimizer.state[parameter][what]).view(-1)[0] = math.nan
        trainer.optimizers[0].register_step_post_hook(spoil)
    return act


@pytest.mark.parametrize("case, make, hook, number, options", [
    ("a module overflows", overflow, "on_train_batch_start", 3, dict(factor=1e30)),
    ("a gradient is infinite", bad_gradient, "on_train_batch_start", 3, {}),
    ("a parameter is NaN after the step", after_step, "on_train_batch_start", 3, dict(what="parameter")),
    ("the optimiser's memory is NaN after the step", after_step, "on_train_batch_start", 3, dict(what="exp_avg")),
    ("an input is NaN in a validation", put, "on_validation_batch_start", 2, dict(name="past_target", value=math.nan))])
def test_number(fault, whole, folder, case, make, hook, number, options):
    """{case}"""
    hold(fault, whole, folder, in_child(folder, stopped_at, make=make, hook=hook, number=number, **options))


def test_untrained(fault, whole, folder):
    """an input is NaN when the untrained model is validated"""
    run = in_child(folder, stopped_at, make=put, hook="on_validation_batch_start", number=1, name="past_target", value=math.nan)
    assert run.error.startswith("FloatingPointError") and not [*folder.glob("*.ckpt")]
    fault.seen, fault.lost = run.error, lost(whole, in_child(folder))


# Skipped

SKIP = plan(on_bad_batch="skip", bad_batches=2)


class Bad(On):
    """Spoil the batches at the given places of the training, each as epoch and batch."""

    def __init__(self, *places, name="past_target"):
        self.places, self.spoil = places, put(name, math.nan)

    def on_train_batch_start(self, trainer, module, batch, index):
        if (trainer.current_epoch, index) in self.places:
            self.spoil(trainer, module, batch, index)


def skipping(folder, places, cfg=SKIP, stop_at: tuple | None = None, **options) -> dict:
    """Train with bad batches; be interrupted at a batch, if asked."""
    stop = [On("on_train_batch_start", stop_at, send(2))] if stop_at else []
    return train(folder, cfg=cfg, callbacks=[Bad(*places), *stop], **options)


@pytest.mark.parametrize("case, places", [("one bad batch", [(0, 1)]), ("the first batch of a group bad", [(0, 2)]),
                                          ("both batches of a group bad", [(1, 0), (1, 1)])])
def test_skip(fault, folder, tmp_path, case, places):
    """on_bad_batch=skip: {case}, and Ctrl-C after it"""
    run = in_child(folder, skipping, places=places)
    assert run.returned, run.trace
    stopped = in_child(tmp_path / "stopped", skipping, places=places, stop_at=7)
    assert stopped.error.startswith("TrainingInterrupted"), stopped.trace
    again = in_child(tmp_path / "stopped", skipping, places=places, resume=newest_state(tmp_path / "stopped"))
    fault.seen, fault.lost = run.seen, lost(run.returned, again)


def test_skip_too_many(fault, folder, tmp_path):
    """on_bad_batch=skip: more bad batches than may be, one of them before Ctrl-C"""
    places = [(0, 1), (1, 1), (1, 2)]
    run = in_child(folder, skipping, places=places)
    assert "Bad batch number 3" in run.error, run.error or run.trace
    stopped = in_child(tmp_path / "stopped", skipping, places=places, stop_at=4)
    assert stopped.error.startswith("TrainingInterrupted"), stopped.trace
    again = in_child(tmp_path / "stopped", skipping, places=places, resume=newest_state(tmp_path / "stopped"))
    assert again.error == run.error, "the count goes on"
    good = read_state(newest_state(folder))
    fault.seen, fault.lost = run.error, "nothing" if finite(good) and good["global_step"] == 3 else "the state before it"


def test_skip_single(fault, folder):
    """on_bad_batch=skip: a bad batch that is a group of its own"""
    run = in_child(folder, skipping, places=[(0, 1)], cfg=plan(on_bad_batch="skip", bad_batches=2, accumulate=1))
    assert run.returned, run.trace
    fault.seen, fault.lost = run.seen, "nothing"
