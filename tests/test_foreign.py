"""Models that know nothing of the diagnostics: each is read as a plain computation by hand reads it, or it is said what cannot be seen."""
import importlib.util
import json
import logging
import math
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader

from celestial_pgat import Branches, FusionDiagnostics
from celestial_pgat.app.laboratory import Laboratory
from celestial_pgat.data.prices import load_ohlc
from celestial_pgat.train.loop import quiet

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.:DeprecationWarning")
ROOT = Path(__file__).resolve().parents[1]
FORECASTER = importlib.util.find_spec("neuralforecast") is not None
A, B = torch.randn(2, 6, 5, 8, generator=torch.Generator().manual_seed(0))
MEASURED = ["rms_a", "rms_b", "grad_a", "grad_b", "influence_a", "influence_b"]


@dataclass
class Said:
    """What some models return, and some branches."""
    forecast: torch.Tensor
    more: object = None


class Net(nn.Module):
    """Two branches and a readout. What differs between kinds is in the methods that they replace, and nothing of it in `by_hand`."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng([]):
            torch.manual_seed(1)
            self.left, self.right, self.readout = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(16, 3)

    def branches(self, a, b):
        return self.left(a), self.right(b)

    def join(self, a, b):
        return torch.cat([a, b.tanh()], -1)

    def forward(self, a, b):
        return self.readout(self.join(*self.branches(a, b)))


class TanhInPlace(Net):
    def join(self, a, b):
        return torch.cat([a, b.tanh_()], -1)


class BothInPlace(Net):
    def join(self, a, b):
        return torch.cat([a.mul_(2), b.tanh_()], -1)


class PartInPlace(Net):
    def join(self, a, b):
        b[..., :4] *= 2
        return torch.cat([a, b], -1)


class UsedThenInPlace(Net):
    def join(self, a, b):
        before = b.sigmoid()
        return torch.cat([a, b.tanh_() + before], -1)


class AddedInPlace(Net):
    def join(self, a, b):
        a += b
        return torch.cat([a, b], -1)


class UsedTwice(Net):
    def join(self, a, b):
        return torch.cat([a, b * a + b.roll(1, 0)], -1)


class CalledTwice(Net):
    def join(self, a, b):
        return torch.cat([a, b.tanh() + self.right(a)], -1)


class Shared(Net):
    """One tensor is both branches."""

    def __init__(self):
        super().__init__()
        self.right = nn.Identity()

    def branches(self, a, b):
        shared = self.left(a)
        return shared, self.right(shared)


class Named(Net):
    def forward(self, a, b):
        forecast = super().forward(a, b)
        return {"steps": torch.tensor(3), "forecast": forecast, "mean": forecast.mean()}


class InTuple(Net):
    def forward(self, a, b):
        forecast = super().forward(a, b)
        return None, (forecast, 2 * forecast)


class InDataclass(Net):
    def forward(self, a, b):
        return Said(super().forward(a, b), "a note")


class BranchInDataclass(Net):
    def __init__(self):
        super().__init__()
        self.right.forward = lambda x: Said(F.linear(x, self.right.weight, self.right.bias), [x.long()])

    def branches(self, a, b):
        return self.left(a), self.right(b).forecast


class Recomputed(Net):
    reentrant = False

    def forward(self, a, b):
        return checkpoint(super().forward, a.requires_grad_(self.reentrant), b, use_reentrant=self.reentrant)


class RecomputedBranch(Recomputed):
    def branches(self, a, b):
        return self.left(a), checkpoint(self.right, b.requires_grad_(self.reentrant), use_reentrant=self.reentrant)

    forward = Net.forward


class Reentrant(Recomputed):
    reentrant = True


class ReentrantBranch(RecomputedBranch):
    reentrant = True


class Frozen(Net):
    def branches(self, a, b):
        with torch.no_grad():
            return self.left(a), self.right(b)


class ByForward(Net):
    def branches(self, a, b):
        return self.left(a), self.right.forward(b)


class ByWeights(Net):
    def branches(self, a, b):
        return self.left(a), F.linear(b, self.right.weight, self.right.bias)


class Counting(Net):
    """Keep a state between calls, which a repetition must not move."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))
        self.last = None

    def forward(self, a, b):
        self.calls += 1
        self.last = super().forward(a, b)
        return self.last


class Holder(nn.Module):
    """Hold a network under a name of its own, as many a program does."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, a, b):
        return self.net(a, b)


def pick(returned):
    """Return the forecast, whatever it comes in."""
    if isinstance(returned, tuple):
        return returned[1][0]
    return returned["forecast"] if isinstance(returned, dict) else getattr(returned, "forecast", returned)


PLAIN = {"TanhInPlace": Net.join, "BothInPlace": lambda self, a, b: torch.cat([2 * a, b.tanh()], -1),
         "PartInPlace": lambda self, a, b: torch.cat([a, torch.cat([2 * b[..., :4], b[..., 4:]], -1)], -1),
         "UsedThenInPlace": lambda self, a, b: torch.cat([a, b.tanh() + b.sigmoid()], -1),
         "AddedInPlace": lambda self, a, b: torch.cat([a + b, b], -1)}


def rms(*parts):
    """Return the root mean square of all elements."""
    return torch.cat([part.detach().float().flatten() for part in parts]).square().mean().sqrt().item()


def by_hand(kind, bfloat16=False):
    """Return what `kind` does to its branches, from their formulas: no hook, nothing in place, no module called."""
    net, linear = kind(), lambda layer, x: F.linear(x, layer.weight, layer.bias)
    join = PLAIN.get(kind.__name__, kind.join)
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        a = linear(net.left, A)
        calls = [a] if kind is Shared else [linear(net.right, B)]
        if kind is CalledTwice:
            calls.append(linear(net.right, a))
            join = lambda _, a, b: torch.cat([a, b[0].tanh() + b[1]], -1)
        for x in (a, *calls):
            x.retain_grad()

        def out(a, calls):
            return linear(net.readout, join(net, a, calls if kind is CalledTwice else calls[0])).float()

        forecast = out(a, calls)
        forecast.square().mean().backward()
        with torch.no_grad():
            flat = lambda x: x.mean((0, 1), keepdim=True).expand_as(x)
            again = [calls[0], linear(net.right, flat(a))] if kind is CalledTwice else calls
            without_a = out(flat(a), [flat(a)] if kind is Shared else again)
            without_b = out(a, [flat(x) for x in calls])
            spread = rms(forecast - flat(forecast))
    return {"rms_a": rms(a), "rms_b": rms(*calls), "grad_a": rms(a.grad), "grad_b": rms(*(x.grad for x in calls)),
            "influence_a": rms(without_a - forecast) / spread, "influence_b": rms(without_b - forecast) / spread}


def watch(net, make, prefix="", warm=False, bfloat16=False, passes=4, loss=lambda out: out.square().mean().backward()):
    """Return the diagnostics of some training passes of `net`, of which `make` says what is given and what is called."""
    torch._dynamo.reset()
    given, run = make(net)
    run_it = lambda: pick(run(A.clone(), B.clone())).float()
    if warm:
        loss(run_it())
    with FusionDiagnostics(given, branches={"merge": Branches(f"{prefix}left", f"{prefix}right")}, first=1, every=3, after=1) as found:
        for _ in range(passes):
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                forecast = run_it()
            loss(forecast)
    torch._dynamo.reset()
    return found


def agrees(found, plain, rel=1e-5):
    """Hold that passes 1 and 3 were read, each as by hand."""
    assert found.recorded.passes == 4 and found.records["batch"].tolist() == [1, 3]
    for _, row in found.records.iterrows():
        assert row[MEASURED].to_dict() == pytest.approx(plain, rel=rel) and not row["unseen"]
    assert "no flag" in found.summary().loc["merge", "finding"] or found.summary().loc["merge", "flags"]


def itself(net):
    return net, net


def compiled(**options):
    return lambda net: itself(torch.compile(net, **{"backend": "eager"} | options))


def compiled_itself(**options):
    def make(net):
        net.compile(**{"backend": "eager"} | options)
        return itself(net)
    return make


def held(make):
    """What is made is held by a module, which is given and called."""
    return lambda net: itself(Holder(make(net)[1]))


def branch(change):
    """Only the branch is changed."""
    def make(net):
        net.right = change(net.right)
        return itself(net)
    return make


def compiled_branch(layer):
    layer.compile(backend="eager")
    return layer


KINDS = [Net, TanhInPlace, BothInPlace, PartInPlace, UsedThenInPlace, AddedInPlace, UsedTwice, CalledTwice, Shared, Named, InTuple,
         InDataclass, BranchInDataclass, Recomputed, RecomputedBranch, Counting]
WAYS = {"compiled": (compiled(), "_orig_mod."), "compiled in one piece": (compiled(backend="aot_eager", fullgraph=True), "_orig_mod."),
        "compiled itself": (compiled_itself(), ""), "compiled itself in one piece": (compiled_itself(fullgraph=True), ""),
        "compiled, held": (held(compiled()), "net._orig_mod."), "compiled itself, held": (held(compiled_itself()), "net."),
        "a branch compiled": (branch(lambda x: torch.compile(x, backend="eager")), ""), "a branch compiled itself": (branch(compiled_branch), ""),
        "a branch traced": (branch(lambda x: torch.jit.trace(x, B)), ""), "by torch.fx": (lambda net: itself(torch.fx.symbolic_trace(net)), ""),
        "DataParallel": (lambda net: itself(nn.DataParallel(net)), "module."), "DataParallel around it": (lambda net: (net, nn.DataParallel(net)), "")}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_model_is_read_as_by_hand(kind):
    """Operations in place, several uses and calls, all ways to return a forecast, recomputation."""
    net = kind()
    agrees(watch(net, itself), by_hand(kind))
    if kind is Counting:
        assert net.calls == 4 and net.last.requires_grad, "the repetitions leave no trace"


@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
@pytest.mark.parametrize("way", WAYS)
def test_a_wrapped_model_is_read_as_by_hand(way, warm):
    """Compiled in all ways, its branches compiled or traced, copied; called before the diagnostics came, or not."""
    make, prefix = WAYS[way]
    agrees(watch(Net(), make, prefix, warm), by_hand(Net))


@pytest.mark.parametrize("kind", [TanhInPlace, CalledTwice, RecomputedBranch], ids=lambda kind: kind.__name__)
def test_compiled_kinds(kind):
    """What is compiled may work in place, call a branch twice, recompute it."""
    agrees(watch(kind(), compiled(), "_orig_mod.", warm=True), by_hand(kind))


@pytest.mark.parametrize("kind", [Net, TanhInPlace, InDataclass], ids=lambda kind: kind.__name__)
def test_bfloat16(kind):
    """The numbers are those of the tensors that bfloat16 made."""
    agrees(watch(kind(), itself, bfloat16=True), by_hand(kind, bfloat16=True), rel=0.03)


def test_a_checkpoint_around_the_model_is_one_pass():
    """In both forms: what is computed again is no training pass of its own."""
    for reentrant in (False, True):
        around = lambda net: (net, lambda a, b: checkpoint(net, a.requires_grad_(), b, use_reentrant=reentrant))
        agrees(watch(Net(), around), by_hand(Net))


def outside(net):
    return net, torch.compile(net, backend="eager")


def traced(net):
    return itself(torch.jit.trace(net, (A, B)))


def exported(net):
    return itself(torch.export.export(net, (A, B)).module())


def two_devices(net):
    copies = nn.DataParallel(net)
    copies.device_ids, copies.forward = [0, 1], copies.module.forward
    return itself(copies)


def twice_back(forecast):
    forecast.sum().backward(retain_graph=True)
    forecast.square().mean().backward()


BLIND = {"compiled from outside": (Net, outside, "", "compiled from outside"), "traced": (Net, traced, "", "is traced"),
         "traced, held": (Net, held(traced), "net.", "'net' is traced"), "exported": (Net, exported, "", "no call of a and b"),
         "two devices": (Net, two_devices, "module.", "several devices"), "its forward alone": (ByForward, itself, "", "no call of b"),
         "its weights alone": (ByWeights, itself, "", "no call of b"), "reentrant": (Reentrant, itself, "", "a and b ran without gradients"),
         "reentrant branch": (ReentrantBranch, itself, "", "b ran without gradients"), "frozen": (Frozen, itself, "", "a and b ran without")}


@pytest.mark.parametrize("name", BLIND)
def test_it_says_that_it_cannot_see(name):
    """Whatever hides a branch, it is never called unused, stuck, starved, or without gradient; what is seen is right all the same."""
    kind, make, prefix, why = BLIND[name]
    found, plain = watch(kind(), make, prefix, warm=True), by_hand(kind) if kind is not Frozen else by_hand(Net)
    row, text = found.summary().loc["merge"], repr(found)
    assert "cannot see: " in row["finding"] and why in row["finding"] and (found.records["unseen"] != "").all()
    assert not any(word in text for word in ("not used", "never", "starved", "stuck", "stays the same", "no flag"))
    for _, numbers in found.records[MEASURED].iterrows():
        seen = numbers.dropna().astype(float).to_dict()
        assert numbers.isna().any() and seen == pytest.approx({name: plain[name] for name in seen}, rel=1e-5)


def test_several_backward_passes():
    """The gradients of two losses do not add up in a hook that sees one after the other."""
    found = watch(Net(), itself, loss=twice_back)
    assert found.records[["grad_a", "grad_b"]].isna().all(axis=None)
    assert "several backward passes went through a and b" in found.summary().loc["merge", "finding"]


def test_nothing_seen_is_said():
    """A step that was compiled as a whole before, and a vmapped call: no pass is seen, and nothing is claimed."""
    def step(net):
        return net, torch.compile(lambda a, b: net(a, b), backend="eager")

    def stacked(net):
        return net, torch.func.vmap(lambda a, b: net(a, b))
    for make in (step, stacked, lambda net: (net, torch.jit.trace(net, (A, B)))):
        with pytest.warns(UserWarning, match="without a training pass of Net"):
            found = watch(Net(), make, warm=True)
        assert found.records.empty and repr(found) == "0 of 0 training passes recorded"


def test_scripted_models_are_refused():
    """They take no hooks; the error says what to give."""
    parts = nn.ModuleDict({"left": nn.Linear(8, 8), "right": torch.jit.script(nn.Linear(8, 8))})
    with pytest.raises(ValueError, match="'right' is scripted.*before torch.jit.script"):
        FusionDiagnostics(parts, branches={"merge": Branches("left", "right")})


def test_packed_sequences():
    """A recurrent branch over sequences of several lengths: what it returns are the packed steps and the last states."""
    class Packed(nn.Module):
        def __init__(self):
            super().__init__()
            self.left, self.right, self.readout = nn.Linear(3, 4), nn.GRU(3, 4, batch_first=True), nn.Linear(8, 1)

        def forward(self, x, lengths):
            packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            states, _ = pad_packed_sequence(self.right(packed)[0], batch_first=True)
            return self.readout(torch.cat([self.left(x), states], -1))

    torch.manual_seed(0)
    net, x, lengths = Packed(), torch.randn(3, 5, 3), torch.tensor([2, 5, 3])
    with FusionDiagnostics(net, branches={"merge": Branches("left", "right")}) as found:
        net(x, lengths).square().mean().backward()
    packed, last = net.right(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
    packed.data.retain_grad()
    left = net.left(x)
    left.retain_grad()

    def out(data):
        states, _ = pad_packed_sequence(packed._replace(data=data), batch_first=True)
        return net.readout(torch.cat([left, states], -1))
    forecast = out(packed.data)
    forecast.square().mean().backward()
    change = out(packed.data.mean(0, keepdim=True).expand_as(packed.data)) - forecast
    plain = {"rms_a": rms(left), "rms_b": rms(packed.data, last), "grad_a": rms(left.grad),
             "grad_b": rms(packed.data.grad, torch.zeros_like(last)),
             "influence_b": rms(change) / rms(forecast - forecast.mean((0, 1), keepdim=True))}
    assert found.records.iloc[0][list(plain)].to_dict() == pytest.approx(plain, rel=1e-5)


class Lit(LightningModule):
    """Train the network that it holds under a name, through itself or not."""

    def __init__(self, net, name="model", through=False):
        super().__init__()
        self.add_module(name, net)
        self.name, self.through = name, through

    def forward(self, a, b):
        return self.get_submodule(self.name)(a, b)

    def training_step(self, batch, index):
        called = self if self.through else self.get_submodule(self.name)
        return called(A.clone(), B.clone()).square().mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.0)


def compile_module(module):
    return torch.compile(module, backend="eager")


MODULES = {"model": (Lit, "", lambda x: x), "another name": (lambda net: Lit(net, "net"), "net.", lambda x: x),
           "through itself": (lambda net: Lit(net, "net", True), "net.", lambda x: x),
           "compiled inside": (lambda net: Lit(compile_module(net)), "_orig_mod.", lambda x: x),
           "compiled inside, another name": (lambda net: Lit(compile_module(net), "net"), "net._orig_mod.", lambda x: x),
           "compiles itself inside": (lambda net: Lit(compiled_itself()(net)[0]), "", lambda x: x),
           "compiled as a whole": (Lit, "", compile_module),
           "compiled as a whole, another name": (lambda net: Lit(net, "net"), "net.", compile_module)}


def test_a_checkpoint_inside_a_lightning_module_is_one_pass():
    """The part that is computed again, in either form, is no pass beside that of the module which called it."""
    class Around(Lit):
        reentrant = False

        def forward(self, a, b):
            return checkpoint(self.net, a.requires_grad_(), b, use_reentrant=self.reentrant)

    for Around.reentrant in (False, True):
        found = fit_module(Around(Net(), "net", through=True), "net.")
        assert found.recorded.passes == 4 and ("ran without gradients" in found.summary().loc["merge", "finding"]) is Around.reentrant


@pytest.mark.parametrize("name", MODULES)
def test_a_lightning_module(name):
    """As a callback, which finds what is trained."""
    make, prefix, wrap = MODULES[name]
    torch._dynamo.reset()
    found = fit_module(wrap(make(Net())), prefix)
    torch._dynamo.reset()
    agrees(found, by_hand(Net))


def fit_module(module, prefix):
    """Return the diagnostics that a Trainer was given with a module."""
    found = FusionDiagnostics(branches={"merge": Branches(f"{prefix}left", f"{prefix}right")}, first=1, every=3, after=1)
    with quiet():
        Trainer(accelerator="cpu", max_epochs=1, logger=False, callbacks=[found], enable_checkpointing=False, enable_progress_bar=False,
                enable_model_summary=False).fit(module, DataLoader(torch.zeros(4, 1), batch_size=1))
    return found


# A published forecaster, in an environment of its own: see "A published forecaster" in nbs/04_howto.own_model.ipynb.
SETTINGS = {"horizon": 5, "history": 20, "days": 2500, "held_out": 500, "steps": 300, "width": 16}


def returns_and_covariate(planted: bool, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the S&P 500's daily returns, in units of their spread, and a covariate; if `planted`, it is half of the series."""
    close = np.log(load_ohlc("sp500")["Close"])
    returns = close.diff().dropna().to_numpy()[-SETTINGS["days"]:]
    returns = returns / returns[:-SETTINGS["held_out"]].std()
    covariate = np.random.default_rng(seed).standard_normal(len(returns))
    return returns + planted * covariate, covariate


def forecaster(seed: int) -> nn.Module:
    """Return the published forecaster, with a covariate that is known in advance."""
    from neuralforecast.losses.pytorch import MSE
    from neuralforecast.models import TFT
    quiet_trainer = {name: False for name in ("enable_progress_bar", "enable_model_summary", "logger", "enable_checkpointing")}
    return TFT(h=SETTINGS["horizon"], input_size=SETTINGS["history"], futr_exog_list=["covariate"], hidden_size=SETTINGS["width"], n_head=2,
               dropout=0.0, loss=MSE(), max_steps=SETTINGS["steps"], learning_rate=1e-2, windows_batch_size=64, scaler_type="identity",
               random_seed=seed + 1, accelerator="cpu", **quiet_trainer)


def held_out_days(series: np.ndarray, covariate: np.ndarray) -> list:
    """Return (inputs, target) of the days that were not trained on, in time order, in the form that the forecaster is called in."""
    past, steps = SETTINGS["history"], SETTINGS["horizon"]
    stack = lambda x, start, end, days: torch.tensor(np.stack([x[day + start:day + end] for day in days]), dtype=torch.float32)[..., None]
    days = np.arange(len(series) - SETTINGS["held_out"], len(series) - steps)
    return [({"insample_y": stack(series, -past, 0, part), "futr_exog": stack(covariate, -past, steps, part), "hist_exog": None,
              "stat_exog": None}, stack(series, 0, steps, part)) for part in np.array_split(days, 8)]


def diagnose(planted: bool, seed: int) -> tuple[nn.Module, FusionDiagnostics, list]:
    """Train the forecaster under the diagnostics, and measure the cost."""
    from neuralforecast.tsdataset import TimeSeriesDataset
    series, covariate = returns_and_covariate(planted, seed)
    held_out = held_out_days(series, covariate)
    table = pd.DataFrame({"unique_id": "sp500", "ds": np.arange(len(series)), "y": series, "covariate": covariate})
    dataset, *_ = TimeSeriesDataset.from_df(table.iloc[:-SETTINGS["held_out"]])
    model = forecaster(seed)
    market, known = "temporal_encoder.history_encoder", "temporal_encoder.future_vsn"
    with FusionDiagnostics(model, branches={"covariate": Branches(market, known)}, every=50) as watch:
        model.fit(dataset)
    watch.cost(held_out, call=lambda model, batch: (model(batch[0]), batch[1]))
    return model, watch, held_out


def forecaster_rows(full: bool) -> list[dict]:
    """Return a row for each covariate and seed."""
    import neuralforecast
    rows = []
    for seed in range(3 if full else 1):
        for planted in (True, False):
            model, watch, held_out = diagnose(planted, seed)
            row = watch.summary().loc["covariate"]
            agrees_with_own_hooks(model, watch, held_out)
            shown = ["cost", "cost_low", "cost_high", "influence_b", "influence_a", "pull_ratio", "rms_ratio"]
            rows.append({"covariate": "planted" if planted else "noise", "seed": seed, **row[shown].astype(float).to_dict(),
                         "flags": row["flags"], "finding": row["finding"], "neuralforecast": neuralforecast.__version__})
    return rows


def agrees_with_own_hooks(model, watch, held_out):
    """Hold one more training pass against hooks of our own, which retain gradients as anyone would."""
    seen, encoder, before = {}, model.temporal_encoder, len(watch.records)

    def keep(side, parts):
        if torch.is_grad_enabled():                     # the passes that are repeated are none of ours
            [x.retain_grad() for x in parts if x.requires_grad]
            seen[side] = parts
    hooks = [encoder.history_encoder.register_forward_hook(lambda _, __, out: keep("a", [out[0], *out[1]])),
             encoder.future_vsn.register_forward_hook(lambda _, __, out: keep("b", [*out]))]
    watch.recorder.settings["first"] = math.inf
    inputs, target = held_out[0]
    with watch:
        (model.train()(inputs) - target).square().mean().backward()
    for hook in hooks:
        hook.remove()
    row = watch.records.iloc[before]
    for side, parts in seen.items():
        gradients = [torch.zeros_like(x) if x.grad is None else x.grad for x in parts if x.requires_grad]
        assert row[f"rms_{side}"] == pytest.approx(rms(*parts), rel=1e-4) and row[f"grad_{side}"] == pytest.approx(rms(*gradients), rel=1e-4)


@pytest.mark.skipif(not FORECASTER, reason="neuralforecast is not installed; nbs/04_howto.own_model.ipynb says how to do it")
def test_a_published_forecaster():
    """Its cost tells a planted covariate from noise, though it depends on both. CELESTIAL_SCALE=full stores the rows."""
    warnings.simplefilter("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    lab = Laboratory("neuralforecast.json", SETTINGS, seed=0)
    _, rows = lab.run("tft", forecaster_rows)
    judge_forecaster(rows)


def test_the_how_to_shows_what_was_run():
    """The stored rows are those of these settings, from a committed revision, and the lines that are shown are those that ran."""
    stored, lab = json.loads((ROOT / "data/results/neuralforecast.json").read_text()), Laboratory("neuralforecast.json", SETTINGS, seed=0)
    made = stored["tft"]["provenance"]
    assert made["config_hash"] == lab.origin["config_hash"] and made["revision"].isalnum()
    judge_forecaster(pd.DataFrame(stored["tft"]["rows"]))
    notebook = json.loads((ROOT / "nbs/04_howto.own_model.ipynb").read_text())
    page, = ("".join(cell["source"]) for cell in notebook["cells"] if "## A published forecaster" in "".join(cell["source"]))
    shown = page.split("```python\n")[1].split("```")[0].splitlines()
    ran = [line.strip() for line in Path(__file__).read_text().splitlines()]
    assert len(shown) == 4 and all(line.strip() in ran for line in shown)


def judge_forecaster(rows: pd.DataFrame) -> None:
    """Hold what the how-to says of these rows."""
    planted, noise = (rows[rows["covariate"] == name] for name in ("planted", "noise"))
    assert (planted["cost_low"] > 0.5).all() and (noise["cost_high"] < 0.5).all()
    assert (noise["cost_low"] < 0).all() and (noise["influence_b"] > 0.3).all()
    assert not rows["flags"].str.contains("starved|stuck").any()


def test_each_column_tells_of_the_style_and_bonds_in_32nds_are_refused():
    from celestial_pgat.core.files import collect_notes
    from celestial_pgat.core.tables import number_style
    with collect_notes():
        assert number_style(pd.DataFrame({"Open": ["1,234", "1,235"], "Close": ["1234.5", None]})) == "."
        assert number_style(pd.DataFrame({"Open": ["1234", "1235"], "Close": ["1234,5", None]})) == ","
    bonds = ["99'310", "99'315", "100'000", "100'005"]
    with pytest.raises(ValueError, match="99'310 looks like a price in 32nds"):
        number_style(pd.DataFrame({"Close": bonds}))
    number_style(pd.DataFrame({"Close": [*bonds, "99'320"]}))
