"""Several processes take the steps of one process with their batches together; only the first of them writes."""
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.utilities import rank_zero_only
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from celestial_pgat.data.prices import load_ohlc
from celestial_pgat.data.windows import ForecastData
from celestial_pgat.model.config import Config, preset
from celestial_pgat.model.pgat import CelestialPGAT
from celestial_pgat.train.loop import fit
from celestial_pgat.train.states import StateError, read_state
from shapes import unchecked

STEPS = 3


class Witness(Callback):
    """Keep the windows of each batch, and the gradients that each step used."""

    def __init__(self):
        self.windows, self.gradients = [], []

    def on_train_batch_start(self, trainer, module, batch, index):
        self.windows.append([round(anchor, 9) for anchor in batch.anchor.tolist()])

    def on_before_zero_grad(self, trainer, module, optimizer):
        found = {name: p.grad.clone() for name, p in module.model.named_parameters() if p.grad is not None}
        self.gradients += [found] * bool(found)

    def on_train_end(self, trainer, module):
        self.weights = {f"model.{name}": value.detach().clone() for name, value in module.model.state_dict().items()}


def moved_model(cfg: Config) -> CelestialPGAT:
    """Build a model away from the zeros of its start, where gradients are rounding alone and Adam makes whole steps of them."""
    torch.manual_seed(0)
    model = CelestialPGAT(cfg.model)
    for parameter in model.parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    return model


def train(folder: Path, batch_size: int, processes: int, resume: Path | None = None) -> Witness:
    """Train two epochs of three steps on windows that any of the calls has alike."""
    cfg = preset("smoke")
    cfg = replace(cfg, data=replace(cfg.data, batch_size=batch_size),
                  train=replace(cfg.train, epochs=2, warmup_epochs=1, diagnose_every=1, memory_every=1, checkpoint_minutes=1e-9))
    data = ForecastData(load_ohlc("sp500").iloc[-130:], cfg.model.history, cfg.model.horizon, batch_size, accumulate=20 // batch_size,
                        seed=cfg.seed)
    assert len(data.sampler) * batch_size == STEPS * 20
    witness = Witness()
    with unchecked():
        fit(cfg, data, folder, progress=False, model=moved_model(cfg), callbacks=[witness], devices=processes,
            strategy="ddp" if processes > 1 else "auto", resume=resume)
    return witness


def train_a_rank(place: Path) -> None:
    """Train as one of two processes; keep what it saw."""
    rank = rank_zero_only.rank = int(os.environ["RANK"])       # lightning has been imported before there was a rank
    witness = train(place / ("both" if rank == 0 else "of_the_second"), 10, 2)
    torch.save({"windows": witness.windows, "gradients": witness.gradients, "weights": witness.weights}, place / f"rank_{rank}.pt")


@pytest.fixture(scope="module")
def together(tmp_path_factory) -> tuple[Path, Witness, list[dict]]:
    """Train with one process, and with two that the launcher of torchrun starts, each with half of the batch."""
    place = tmp_path_factory.mktemp("processes")
    alone = train(place / "alone", 20, 1)
    launch = LaunchConfig(min_nodes=1, max_nodes=1, nproc_per_node=2, run_id="two", rdzv_backend="c10d",
                          rdzv_endpoint="localhost:0", max_restarts=0,
                          start_method="fork")                      # of this process, which has loaded torch
    elastic_launch(launch, train_a_rank)(place)
    return place, alone, [torch.load(place / f"rank_{rank}.pt", weights_only=True) for rank in range(2)]


def test_gradients_and_weights_are_those_of_the_double_batch(together):
    place, alone, parts = together
    for step in range(STEPS):
        for name, expected in alone.gradients[step].items():
            for part in parts:
                torch.testing.assert_close(part["gradients"][step][name], expected, rtol=1e-4, atol=1e-6)
    expected = read_state(place / "alone" / "last.ckpt")["state_dict"]
    for part in parts:
        for name, weight in part["weights"].items():
            torch.testing.assert_close(weight, expected[name], rtol=1e-4, atol=2e-6)


def test_each_window_is_seen_once(together):
    _, alone, parts = together
    for batch, (first, second) in enumerate(zip(parts[0]["windows"], parts[1]["windows"], strict=True)):
        assert len(first) == len(second) == 10
        assert sorted(first + second) == sorted(alone.windows[batch])


def test_losses_are_those_of_all_windows(together):
    place, _, parts = together
    histories = [read_state(place / folder / "last.ckpt")["callbacks"]["RunHistory"]["history"] for folder in ("alone", "both")]
    for one, two in zip(*histories, strict=True):
        assert one == pytest.approx(two, rel=1e-4)


def test_only_the_first_process_writes(together):
    place, _, parts = together
    assert {path.name for path in (place / "both").iterdir()} >= {"last.ckpt", "best.ckpt", "log", "fusion.jsonl", "memory.jsonl"}
    assert not (place / "of_the_second").exists()
    steps = [json.loads(line)["batch"] for line in (place / "both" / "fusion.jsonl").read_text().splitlines()]
    assert sorted(set(steps)) == list(range(1, 2 * STEPS + 1))


def test_it_goes_on_with_as_many_processes_only(together):
    place, *_ = together
    with pytest.raises(StateError, match="processes was 2, is 1; use 2 again, by devices and nodes: --devices 2"):
        train(place / "both", 10, 1, resume=place / "both" / "last.ckpt")

