"""Data, model and training together, with every annotated shape checked at run time."""
import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from celestial_pgat.data.prices import load_ohlc
from celestial_pgat.data.windows import ForecastData, random_batch
from celestial_pgat.model.config import preset
from celestial_pgat.model.pgat import CelestialPGAT
from celestial_pgat.train.loop import fit

SMOKE = preset("smoke")
SHORT = dataclasses.replace(SMOKE, train=dataclasses.replace(SMOKE.train, epochs=1, warmup_epochs=0))


def windows(prices: pd.DataFrame, **kwargs) -> ForecastData:
    return ForecastData(prices, SMOKE.model.history, SMOKE.model.horizon, SMOKE.data.batch_size, **kwargs)


@pytest.fixture(scope="module")
def prices() -> pd.DataFrame:
    return load_ohlc("nasdaq").iloc[:300]


@pytest.mark.parametrize("use_sky", [True, False])
@pytest.mark.parametrize("name", ["smoke", "demo"])
def test_shapes_hold_in_a_training_step(name, use_sky):
    cfg = preset(name)
    model = CelestialPGAT(dataclasses.replace(cfg.model, use_sky=use_sky))
    batch = random_batch(cfg, batch_size=2, seed=0)
    (model(batch) - batch.target).square().mean().backward()
    assert model.head.output.weight.grad.abs().sum() > 0


def test_shape_checking_is_on():
    from jaxtyping import TypeCheckError
    model = CelestialPGAT(SMOKE.model)
    with pytest.raises(TypeCheckError):
        model.head(torch.zeros(2, 3))


def test_prices_after_the_training_block_change_nothing_in_it(prices):
    changed = prices.copy()
    rows = windows(prices).summary().loc["train", "rows"]
    changed.iloc[rows:] *= 1.1
    before, after = windows(prices), windows(changed)
    assert before.scales.price == after.scales.price
    assert np.array_equal(before.scales.wave_center, after.scales.wave_center)
    indices = list(range(len(before.train)))
    for field in dataclasses.fields(before.train[indices]):
        assert torch.equal(getattr(before.train[indices], field.name), getattr(after.train[indices], field.name)), field.name


def test_a_trained_forecast_does_not_see_the_future(prices, tmp_path):
    data = windows(prices)
    model = fit(SHORT, data, tmp_path, progress=False).model
    origin = 20
    row = prices.index.get_loc(data.test.origins[origin])
    changed = prices.copy()
    changed.iloc[row + 1:] *= 1.2
    with torch.no_grad():
        here, there = model(data.test[[origin]]), model(windows(changed, scales=data.scales).test[[origin]])
    assert here.abs().max() > 0 and torch.equal(here, there)


def test_both_models_train_on_the_same_windows_in_the_same_order(prices, tmp_path):
    seen = {}
    for use_sky in (True, False):
        cfg = dataclasses.replace(SMOKE, model=dataclasses.replace(SMOKE.model, use_sky=use_sky))
        seen[use_sky] = anchors = []
        model = CelestialPGAT(cfg.model)
        model.register_forward_pre_hook(lambda module, arguments: anchors.append(arguments[0].anchor.clone()) if module.training else None)
        fit(cfg, windows(prices.iloc[:240]), tmp_path / str(use_sky), progress=False, model=model)
    assert len(seen[True]) == len(seen[False]) > 10
    assert all(torch.equal(a, b) for a, b in zip(seen[True], seen[False]))
