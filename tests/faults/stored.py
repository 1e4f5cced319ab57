"""A state and a model of this version, written once and read by every later one."""
import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from celestial_pgat.model.config import Config
from celestial_pgat.train.checkpoint import save_model
from celestial_pgat.train.loop import fit
from celestial_pgat.train.states import newest_state

from faults.training import in_child, plan, stop_on, windows

STORED = Path(__file__).parents[1] / "data" / "version_1"


def stored_plan() -> Config:
    """Return the configuration of what is stored: the sky, two optimiser steps, as few tensors as there can be."""
    cfg = plan(sky=True, epochs=1, warmup_epochs=0)
    return replace(cfg, model=replace(cfg.model, context_encoder=False, data_driven_learner=False, dynamic_encoding=False,
                                      joint_encoding=False, partitioned_interaction=False))


def store() -> None:
    """Write the state after the first of two steps, and the model of the whole run."""
    cfg = stored_plan()
    shutil.rmtree(STORED, ignore_errors=True)
    with TemporaryDirectory() as place:
        folder = Path(place) / "run"
        stopped = in_child(folder, stop_on, hook="on_train_batch_end", number=2, signals=[2], cfg=cfg)
        assert stopped.error.startswith("TrainingInterrupted"), stopped.trace
        STORED.mkdir(parents=True)
        shutil.copy(newest_state(folder), STORED / "last.ckpt")
        made = fit(cfg, windows(cfg), folder, progress=False, resume=newest_state(folder))
        save_model(STORED, made.model, cfg, windows(cfg).scales)
