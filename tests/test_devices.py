"""Nothing is made on the wrong device: every module runs once elsewhere than on the host.

A fake tensor has a shape and a device and no values, so nobody needs to own the device. Where a
module mixes devices, by a tensor that is no buffer or by one made in `forward` without a device,
PyTorch refuses as it would on a GPU; and what reads a value on the host is refused too. The walk
finds the modules of graph, fusion and model by itself. The other device is called "meta": a PyTorch
that is built without CUDA takes neither slices nor backward passes of CUDA tensors, fake or not.
"""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from unittest.mock import patch

import pytest
import torch
from test_odd_arguments import FORWARD, PUBLIC, SIZES, WHOLE, days_batch, edges, rank_settings
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode
from torch._subclasses.fake_tensor import FakeTensor
from torch.nn.modules.module import register_module_forward_pre_hook

import celestial_pgat
from celestial_pgat.data.cross_sections import DayBatch
from celestial_pgat.fusion.gate import NORMS, STRATEGIES
from celestial_pgat.graph.edge_tokens import MODES
from celestial_pgat.model.config import PRESETS
from celestial_pgat.model.mixtures import JointMixture, Mixture
from celestial_pgat.train.losses import batch_loss

ELSEWHERE = "meta"
WALKED = ("graph", "fusion", "model")
MODULES = {
    path: thing
    for path, thing in PUBLIC.items()
    if path.split(".")[0] in WALKED and isinstance(thing, type) and issubclass(thing, nn.Module)
}


def maps() -> dict:
    """Return the inputs of a combiner with four regimes."""
    return dict(
        astronomical=edges(),
        learned=edges(),
        dynamic=edges(),
        context=torch.randn(2, 3, 8),
        regime=torch.full((2, 3, 4), 0.25),
    )


def cases() -> dict:
    """Return class, arguments and a maker of inputs of what a user calls, with its switches."""
    found = {}
    for path, inputs in FORWARD.items():
        if path not in WHOLE:
            names = inspect.signature(PUBLIC[path]).parameters
            sizes = {name: SIZES[name] for name in names if name in SIZES}
            found[path] = (PUBLIC[path], sizes, inputs)

    def switched(path: str, inputs=None, **options) -> None:
        thing, sizes, usual = found[path]
        label = ", ".join(f"{name}={value}" for name, value in options.items())
        found[f"{path} {label}"] = (thing, sizes | options, inputs or usual)

    for strategy in STRATEGIES:
        for norm in NORMS:
            switched("fusion.gate.FusionGate", strategy=strategy, norm=norm)
    switched("fusion.gate.FusionGate", init="open")
    switched("graph.learners.GraphLearners", stochastic=True)
    switched("graph.combiner.CelestialGraphCombiner", maps, regimes=4, time_chunk=2)
    for mode in MODES:
        options = dict(regimes=4, dropout=0.1, chunk=2, mode=mode)
        switched("graph.edge_tokens.EdgeTokenCombiner", maps, **options)
    switched("graph.stocks.StockAttention", hard=False)
    switched("model.frequency.FrequencyNorm", norm="revin")
    network = PUBLIC["model.atft.ATFTGATFAN"]
    for changes in (dict(), dict(norm="fan"), dict(norm="revin"), dict(layers=0), dict(selection=False)):
        options = dict(cfg=rank_settings(**changes), features=5)
        found[f"model.atft.ATFTGATFAN {changes}"] = (network, options, lambda: dict(batch=days_batch()))
    for norm in ("none", "fan"):
        options = dict(network=network(rank_settings(norm=norm), 5), centre=torch.zeros(5), scale=torch.ones(5))
        found[f"train.pretrain.MaskedNetwork {norm}"] = (PUBLIC["train.pretrain.MaskedNetwork"], options, lambda: dict(batch=days_batch(), hidden=torch.rand(6, 9) < 0.3))
    return found


CASES = cases()


def away(thing, mode: FakeTensorMode):
    """Return `thing` with each tensor in it as a fake one on the other device."""
    if isinstance(thing, Tensor):
        return FakeTensor(mode, torch.empty_like(thing, device="meta"), torch.device(ELSEWHERE))
    if isinstance(thing, dict):
        return {name: away(part, mode) for name, part in thing.items()}
    if isinstance(thing, (celestial_pgat.ForecastBatch, DayBatch)):
        return type(thing)(**away(vars(thing), mode))
    return thing


def move(module: nn.Module, mode: FakeTensorMode) -> nn.Module:
    """Do what `module.to(device)` does: move parameters and buffers, and nothing else."""
    for part in module.modules():
        for name, one in part._parameters.items():
            part._parameters[name] = one if one is None else nn.Parameter(away(one.detach(), mode))
        for name, one in part._buffers.items():
            part._buffers[name] = away(one, mode)
    return module


@contextmanager
def elsewhere() -> Iterator[FakeTensorMode]:
    """Run the block under fake tensors; the other device knows no mixed precision to switch off."""
    with (
        FakeTensorMode(allow_non_fake_inputs=True) as mode,
        patch.object(torch, "autocast", lambda *_, **__: nullcontext()),
    ):
        yield mode


def tensors(thing) -> list[Tensor]:
    """Return the tensors of a result."""
    if isinstance(thing, Tensor):
        return [thing]
    if isinstance(thing, (dict, Mixture, JointMixture)):
        thing = tuple((thing if isinstance(thing, dict) else vars(thing)).values())
    return [one for part in thing for one in tensors(part)] if isinstance(thing, tuple) else []


def total(out) -> Tensor:
    """Add up all numbers of a result."""
    return sum(tensor.sum() for tensor in tensors(out))


def run_elsewhere(module: nn.Module, inputs: dict, loss=total) -> None:
    """Run `module` forward and backward on the other device."""
    with elsewhere() as mode:
        out = move(module, mode)(**away(inputs, mode))
        places = {tensor.device.type for tensor in tensors(out)}
        assert places == {ELSEWHERE}, f"results are on {places}, not on {ELSEWHERE}"
        if list(module.parameters()):
            loss(out).backward()
            gradients = [one.grad for one in module.parameters() if one.grad is not None]
            assert {gradient.device.type for gradient in gradients} == {ELSEWHERE}


class Loss(nn.Module):
    """Give the loss of a model as its forward, and look at its forecast."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, batch):
        """Return the loss, the terms beside it, and the forecast, which a loss of points has made."""
        seen = []
        hook = self.model.register_forward_hook(lambda model, inputs, made: seen.append(made[0]))
        loss, terms = batch_loss(self.model, batch, with_losses=True)
        hook.remove()
        return loss, terms, (seen[0] if seen else self.model(batch)).detach()


def run_preset(name: str) -> None:
    """Run the whole model of a preset, and the loss, on the other device."""
    cfg = celestial_pgat.preset(name)
    model = Loss(celestial_pgat.CelestialPGAT(cfg.model))
    run_elsewhere(model, dict(batch=celestial_pgat.random_batch(cfg, 2)), lambda out: out[0] + total(out[1]))


@cache
def run_once(name: str) -> set:
    """Run a case or a preset on the other device; return the classes of all modules that it calls."""
    found = set()
    hook = register_module_forward_pre_hook(lambda module, inputs: found.add(type(module)))
    try:
        if name in PRESETS:
            run_preset(name)
        else:
            thing, options, inputs = CASES[name]
            run_elsewhere(thing(**options), inputs())
    finally:
        hook.remove()
    return found


@pytest.mark.parametrize("name", CASES)
def test_module_runs_on_another_device(name):
    run_once(name)


@pytest.mark.parametrize("name", PRESETS)
def test_preset_runs_on_another_device(name):
    run_once(name)


@pytest.fixture(scope="module")
def called() -> set:
    """Return the classes of all modules that are called by the cases and by a whole model."""
    return set().union(*(run_once(name) for name in [*CASES, "smoke"]))


def missed(called: set) -> list[str]:
    """Return the public modules that nothing calls; a base is called with its heirs."""
    bases = {base for kind in called for base in kind.__mro__}
    return sorted(path for path, kind in MODULES.items() if kind not in bases)


def test_every_public_module_is_called(called):
    assert not missed(called), f"no case runs {', '.join(missed(called))}: add one to cases()"


def test_module_that_nothing_calls_is_missed(called, monkeypatch):
    monkeypatch.setitem(MODULES, "graph.planted.Planted", Planted)
    assert missed(called) == ["graph.planted.Planted"]


class Planted(nn.Module):
    """Hold one fault that only another device shows, or none."""

    def __init__(self, fault: str):
        super().__init__()
        self.fault, self.scale, self.plain = fault, nn.Parameter(torch.ones(3)), torch.ones(3)
        self.register_buffer("kept", torch.ones(3))

    def forward(self, x: Tensor) -> Tensor:
        x = x * self.scale * self.kept + x.new_ones(3) + torch.zeros(3, device=x.device)
        match self.fault:
            case "no buffer":
                return x + self.plain
            case "no device":
                return x @ torch.eye(3)
            case "mask":
                return x.masked_fill(torch.arange(3) > 1, 0)
            case "result":
                return torch.zeros(3)
            case "value":
                return x * float(x.detach().sum())
        return x


@pytest.mark.parametrize(
    "fault, refused",
    [
        ("no buffer", "same device"),
        ("no device", "same device"),
        ("mask", "same device"),
        ("result", "not on meta"),
        ("value", "local_scalar"),
    ],
)
def test_planted_fault_is_found(fault, refused):
    inputs = dict(x=torch.ones(2, 3))
    run_elsewhere(Planted("none"), inputs)
    Planted(fault)(**inputs)  # on the host nobody sees it
    with pytest.raises((RuntimeError, AssertionError), match=refused):
        run_elsewhere(Planted(fault), inputs)
