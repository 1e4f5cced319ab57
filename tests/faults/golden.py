"""The golden curve: what twenty optimiser steps of the smoke preset give on the S&P 500.

How far apart two such curves are at most, relative to the loss of a step (`python tests/keep.py apart` measures it): with two
threads, or in float64, 2e-7, which is the rounding of sums in another order; with a learning rate that is larger by a
thousandth, 2e-3. TOLERANCE is a hundred times the one and a hundredth of the other. (On some windows Adam makes steps of
the rounding of a gradient that is zero but for it, and rounding shows in the losses at 1e-2; these windows are not such.)
"""
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from celestial_pgat.data.prices import load_ohlc
from celestial_pgat.model.config import Config, preset
from celestial_pgat.model.pgat import CelestialPGAT
from celestial_pgat.train.loop import fit

from faults.training import logged, windows

GOLDEN = Path(__file__).parent / "golden.json"
TOLERANCE = 2e-5


def golden_plan(**train) -> Config:
    """Return the configuration of the golden curve: the smoke preset, four epochs of five steps, at a rate that moves it."""
    cfg = preset("smoke")
    return replace(cfg, train=replace(cfg.train, **dict(epochs=4, learning_rate=0.01) | train))


class Double(torch.nn.Module):
    """Compute in float64."""

    def __init__(self, cfg: Config):
        super().__init__()
        torch.manual_seed(cfg.seed)
        self.model = CelestialPGAT(cfg.model).double()

    def forward(self, batch):
        return self.model(batch.to(dtype=torch.float64))


def curve(cfg: Config, double: bool = False) -> dict[str, list[float]]:
    """Train, and return the loss of each step and the validation loss of each epoch."""
    with TemporaryDirectory() as place, torch.random.fork_rng():
        made = fit(cfg, windows(cfg, load_ohlc("sp500").iloc[-247:-100]), Path(place) / "run", progress=False,
                   model=Double(cfg) if double else None)
        return {"loss": [row[1] for row in logged(Path(place) / "run")], "validation_loss": made.history.validation_loss.tolist()}


def curve_of(folder: Path, **train) -> dict[str, list[float]]:
    """Return the curve of the golden plan with changes; for a process of its own."""
    return curve(golden_plan(**train))


def apart(one: dict, other: dict) -> float:
    """Return how far two curves are apart at most, relative to the loss."""
    return max(float(np.max(np.abs(np.array(one[name]) / np.array(other[name]) - 1))) for name in one)
