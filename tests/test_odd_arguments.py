"""Every public function and class answers an odd argument with a sentence of its own, or works with it.

All names of `__all__` in all modules are walked. A call with valid arguments, made by the builders below, must work; then
one argument at a time is replaced by each odd value.
"""
import dataclasses
import inspect
import linecache
import math
import pkgutil
import signal
from contextlib import AbstractContextManager, contextmanager
from enum import Enum
from functools import cache
from importlib import import_module
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from jaxtyping import config as shape_checks
from torch import Tensor, nn

import celestial_pgat

PACKAGE = Path(celestial_pgat.__file__).parent
HANG = 60                                              # seconds for one call, of which the longest takes less than one

INNER = {**{f"model.candles.{name}": "the heads and the baselines" for name in ("candle_parts", "candles_of")},
         **{f"model.mixtures.{name}": "the heads" for name in ("free_values", "parts_of", "correlation_factor", "Mixture", "JointMixture")}, "data.graphs.World": "plant_world", "data.batch.ForecastBatch": "assemble", "data.batch.assemble": "WindowDataset and future_batch",
         "data.factors.Factors": "make_factors", "train.loop.Learner": "Forecaster and Ranker", "app.rank_options.add_rank_options": "the command line", "app.rank_options.carry_out_rank": "the command line", "app.search_command.trials_left": "rank_run", "app.search_tasks.SearchTask": "the commands of a search", **{f"app.search_options.{name}": "the command line" for name in ("add_search_arguments", "add_monitor_arguments", "need_optuna", "carry_out_search")},
         **{f"app.objectives.{name}": "the commands of a search" for name in ("validation_ic", "in_errors", "Objective", "rank_objective", "forecast_objective", "validation_crps")}, "train.checkpoint.Architecture": "load_model", "data.cross_sections.Fold": "walk_forward_folds", "data.cross_sections.DayBatch": "DayDataset", "data.cross_sections.DayTensors": "RankData",
         **{f"model.fields.{name}": "admit" for name in ("Count", "Amount", "Regimes", "Hour", "Seed", "Positive", "NotNegative", "Share", "Dropout", "Text")},
         "model.fields.admit": "the configuration classes", "model.fields.check_fields": "the configuration classes",
         "graph.combiner.mix_sources": "CelestialGraphCombiner", "graph.combiner.share_of_sources": "CelestialGraphCombiner",
         "graph.combiner.need_sources": "CelestialGraphCombiner", "graph.combiner.node_statistics": "CelestialGraphCombiner", "core.bytes.in_pieces": "CelestialGraphCombiner",
         "core.bytes.recomputed": "the modules that call it in forward", "graph.nodes.aspect_kernel": "AspectGeometry",
         "core.checks.need_shape": "the modules that call it in forward", "graph.encoding.normalise_rows": "the encodings",
         "model.context.market_state": "CelestialPGAT",
         "model.atft.stock_edges": "ATFTGATFAN", "model.atft.stock_messages": "ATFTGATFAN",
         "core.kernels.row_softmax": "the modules that call it in forward", "core.kernels.quick_tanh": "the modules that call it in forward",
         "sky.pairs.spread_pairs": "PhaseAdjacency and AspectGeometry",
         "model.decoder.causal_mask": "TemporalEncoder and Decoder", "model.decoder.last_tokens": "Decoder",
         "model.embedding.sinusoidal_positions": "DataEmbedding", "model.heads.coherent": "OhlcHead",
         "app.commands.print_notes": "the command line", "core.files.need_kind": "core and the commands", "core.intervals.share_text": "Comparison", "app.commands.candles_text": "the command line",
         **{f"train.trials.{name}": "run_search" for name in ("process_gone", "attempts_before", "queue_lost", "queue_stopped", "queue_all_lost", "no_room", "naming_damage")}, "train.search_state.trial_row": "read_search", "train.search_state.SearchState": "read_search",
         **{f"fusion.{name}": "FusionDiagnostics" for name in (           # checked where the user comes in
             "points.floating_tensors", "points.first_tensor", "points.change_tensors", "points.Branch",
             "points.FusionPoint", "points.TapHook", "points.map_leaves", "readings.gate_columns", "readings.PassReading",
             "readings.finish_reading", "readings.copy_inputs", "readings.constant_part",
             "readings.measure_influence", "readings.RecordedPass", "records.FusionRecords",
             "readings.why_unseen", "readings.uncompiled", "readings.repeating", "readings.pick_output",
             "diagnostics.PassRecorder")},
         **{f"app.origin.{name}": "the commands" for name in ("origin_of", "located", "found_state", "best_so_far")},
         **{f"data.fingerprint.{name}": "fit and the commands" for name in ("tables_of", "difference", "fingerprints", "cut_of")},
         "data.stock_tables.StockSurvey": "survey_stocks", "data.stock_tables.scatter_stocks": "load_panel and write_cache", "data.cache.PanelCache": "open_cache", "data.market.StockMarket": "market",
         "app.preview.memory_table": "preview_text", "core.progress.ProgressBar": "tqdm, and stress_test and judge_inputs", "app.ranks.told": "the commands",
         "evaluate.networks.halves_data": "fair_test", "evaluate.networks.network_row": "fair_test", "app.fair_jobs.answer": "fair_test",
         "app.fair_jobs.do_jobs": "fair_test", "app.fair_jobs.network_jobs": "fair_test", "app.fair.train_networks": "fair_test", "app.fair.ensemble_errors": "fair_test",
         "fusion.cost.measure_costs": "branch_cost", "fusion.cost.Cost": "branch_cost", "app.pages.SitePage": "nbdev",
         **{f"app.pages.{name}": "SitePage" for name in ("entries", "exported_source", "link_targets", "link_names", "link_numbers", "folded", "joined", "shown_size")}}
SKIP = {"core.controls.controlled": "takes widgets by name", "evaluate.stress.stress_test": "forecasts all windows seven times", "app.training.train": "trains", "app.training.resume": "trains", "app.training.evaluate_folder": "needs a training", "app.training.stress_folder": "needs a training",
        "train.loop.fit": "trains", "train.pretrain.pretrain": "trains", "app.jobs.train_jobs": "trains", "app.commands.run": "trains", "app.cli.main": "runs a command line", "app.commands.rebuild": "runs a notebook",
        "core.threads.limit_threads": "is for a process that has loaded nothing yet", "train.search.run_search": "makes trials",
        "app.fair.fair_test": "fits for seconds", "app.fair_command.run_fair_test": "fits for seconds",
        "app.rank_command.rank_run": "trains", "app.search_command.rank_search": "trains", "app.search_command.forecast_search": "trains",
        "app.search_command.best_settings": "needs a search", "app.search_command.monitor": "needs a search", "app.rank_command.rank_forecast": "needs a training",
        "app.report.execute": "runs a notebook", "app.report.write_report": "runs a notebook"}    # refusals before any work are tried below
MAY_BE_NAN = ("train.ranker.daily_correlation", "core.tables.as_numbers", "data.factors.across_stocks", "evaluate.metrics.skill", "evaluate.metrics.direction_accuracy", "evaluate.metrics.std_ratio",
              "evaluate.planted.smallest_effect", "evaluate.rank_controls.ridge_scores",
              *(f"evaluate.ranking.{name}" for name in ("rank_ic", "sector_ics", "quantile_returns", "rank_autocorrelation")))    # and says when


def public() -> dict:
    """Return every public function and class of the package by its path."""
    found = {}
    for module in pkgutil.walk_packages(celestial_pgat.__path__, "celestial_pgat."):
        path = module.name.removeprefix("celestial_pgat.")
        if module.ispkg or path == "_modidx":
            continue
        loaded = import_module(module.name)
        for name in loaded.__all__:
            thing = getattr(loaded, name)
            if callable(thing) and getattr(thing, "__module__", "") == module.name and not built_by_python(thing):
                found[f"{path}.{name}"] = thing
    return found


def built_by_python(thing) -> bool:
    """Say whether `thing` is an exception, an enumeration (read with `parse`), or a named tuple, made by a forward pass to return tensors."""
    return isinstance(thing, type) and issubclass(thing, (BaseException, Enum, tuple))


PUBLIC = public()

# --- valid arguments -------------------------------------------------------------------------------------------------

DATES = pd.date_range("2019-01-01", periods=500)
RNG = lambda: np.random.default_rng(0)


@cache
def states() -> pd.DataFrame:
    """Return the states of the bodies on three days."""
    return celestial_pgat.body_states(DATES[:3])


@cache
def waves() -> Tensor:
    """Return the waves of three days."""
    return torch.tensor(celestial_pgat.wave_table(DATES[:3]).to_numpy())


@cache
def batch():
    """Return a batch of two windows for the small model."""
    return celestial_pgat.random_batch(celestial_pgat.preset("smoke"))


@cache
def model() -> nn.Module:
    """Return the small model, with gradients."""
    torch.manual_seed(0)
    built = celestial_pgat.CelestialPGAT(celestial_pgat.preset("smoke").model)
    built(batch()).square().sum().backward()
    return built


@cache
def sky() -> pd.DataFrame:
    """Return the waves of thirty days by name."""
    return celestial_pgat.wave_table(DATES[:30])


@cache
def prices(end: str = "2019-06-28") -> pd.DataFrame:
    """Return half a year of bars, or more, on the sessions of New York."""
    windows, calendar = import_module("celestial_pgat.data.windows"), import_module("celestial_pgat.data.calendar")
    days = calendar.sessions_between(pd.Timestamp("2019-01-01"), pd.Timestamp(end))
    return pd.DataFrame(np.exp(windows.random_walk_bars(1, len(days), RNG())[0]), index=days, columns=["Open", "High", "Low", "Close"])


@cache
def covariates():
    """Return two covariates of the days of `prices`, of which the load is known in advance."""
    table = pd.DataFrame(RNG().normal(size=(len(prices()), 2)), index=prices().index, columns=["load", "temp"])
    return import_module("celestial_pgat.data.covariates").Covariates(table, ("load",))


def scales():
    """Return scales that change nothing but the price."""
    return import_module("celestial_pgat.data.windows").Scales(0.01, np.zeros(113), np.ones(113))


@cache
def origin():
    """Return what a training began with."""
    return import_module("celestial_pgat.app.origin").origin_of("train", "smoke", celestial_pgat.preset("smoke"), windows(), "a command")


def saved() -> Path:
    """Save the small model, if it is not there yet, and return its folder."""
    if not Path("saved").is_dir():
        celestial_pgat.save_model("saved", model(), celestial_pgat.preset("smoke"), scales())
    return Path("saved")


class Twice(torch.utils.data.Dataset):
    """Give windows of the batch."""

    def __len__(self) -> int: return 2

    def __getitem__(self, index): return batch()


class Constant(nn.Module):
    """Return zeros."""

    def forward(self): return torch.zeros(3)


@cache
def joined() -> nn.Module:
    """Return a model with one fusion gate."""
    return celestial_pgat.FusionGate(8)


@cache
def records() -> pd.DataFrame:
    """Return the records of two training passes of a gate."""
    a, b = torch.randn(2, 5, 8)
    with celestial_pgat.FusionDiagnostics(joined()) as found:
        for _ in range(2):
            joined().train()(a, b).square().mean().backward()
    return found.records


@cache
def comparison():
    """Return a comparison of two strategies."""
    from celestial_pgat.fusion.gate import compare_fusion_strategies
    return compare_fusion_strategies(*torch.randn(2, 5, 8), torch.randn(5, 2), strategies=("addition", "gated_addition"), norms=(None,), steps=3,
                                     progress=False)


@cache
def windows():
    """Return the windows of a year for the small model."""
    return import_module("celestial_pgat.app.arms").prepare(celestial_pgat.preset("smoke"), prices("2019-12-31"))


@cache
def stock_panel():
    """Return the closes of twelve random walks for three years."""
    panels = import_module("celestial_pgat.data.panel")
    prices = np.full((660, 12, 5), np.nan)
    prices[..., panels.CLOSE] = 50 * np.exp(0.01 * RNG().normal(size=(660, 12)).cumsum(0))
    return panels.Panel(pd.bdate_range("2018-01-01", periods=660), tuple("ABCDEFGHIJKL"), ("x", "y") * 6, prices,
                        panels.listing(prices[..., panels.CLOSE]), np.zeros((660, 12, 0)))


@cache
def stock_factors():
    """Return the features of the stocks, with a short history."""
    return PUBLIC["data.factors.make_factors"](stock_panel(), 8)


@cache
def stock_data():
    """Return the days of twelve stocks, cut for the smallest network."""
    return PUBLIC["data.cross_sections.RankData"](stock_factors())


def smallest_ranking():
    """Return the configuration of the smallest network that ranks, with the history of `stock_factors`."""
    return PUBLIC["model.config.load_config"](PUBLIC["model.rank_config.rank_preset"]("smoke"), None, ["model.history=8"])


@cache
def ranker():
    """Return the smallest network that ranks, untrained."""
    return PUBLIC["train.ranker.make_ranker"](smallest_ranking(), stock_data())


@cache
def masked():
    """Return an untrained network that reconstructs what is hidden of the twelve stocks."""
    return import_module("celestial_pgat.train.pretrain")._masked_network(smallest_ranking(), stock_data())


def hidden() -> Tensor:
    """Draw what is hidden of the last day of the twelve stocks."""
    return PUBLIC["train.pretrain.draw_hidden"](12, 8)


@cache
def ranking_run():
    """Return what an untrained network says on its test days."""
    history = pd.DataFrame({"step": [0], "learning_rate": [np.nan], "train_loss": [np.nan], "validation_loss": [2.0]}, index=pd.Index([0], name="epoch"))
    found = PUBLIC["train.loop.FitResult"](ranker().model, Path("best.ckpt"), Path("last.ckpt"), history, pd.DataFrame(), 1.0)
    made = PUBLIC["app.rank.gather_ranks"](smallest_ranking(), stock_data(), found)
    return dataclasses.replace(made, oracle=made.labels.copy())


def ranking_folder() -> Path:
    """Write what a ranking has found."""
    return PUBLIC["app.rank.save_ranks"](folder_of("ranked"), ranking_run())


def searched() -> Path:
    """Begin a search without trials, if it is not there yet, and return its folder."""
    if not Path("searched").is_dir():
        PUBLIC["train.search.begin_search"]("searched", smallest_ranking(), "maximize", "a measure", {})
    return Path("searched")


def search_state():
    """Return the state of a search with one trial."""
    study = import_module("optuna").create_study()
    study.add_trial(import_module("optuna").create_trial(value=1.0))
    states = import_module("celestial_pgat.train.search_state")
    return states._state_of(study, {"direction": "maximize", "measure": "a measure", "study": "search"})


def fixed_trial():
    """Return a trial that has chosen already."""
    return import_module("optuna").trial.FixedTrial({"model.d": 16})


def folder_of(name: str) -> Path:
    """Make a folder."""
    Path(name).mkdir(exist_ok=True)
    return Path(name)


@cache
def wide_windows():
    """Return windows of four years, with days enough for a GARCH."""
    return import_module("celestial_pgat.data.windows").ForecastData(prices("2020-12-31"), history=16, horizon=2, batch_size=4)


@cache
def sky_of_test() -> pd.DataFrame:
    """Return the waves of the test windows of a year."""
    return celestial_pgat.wave_table(windows().test.dates)


@cache
def result():
    """Return what a training of one epoch might have left."""
    history = pd.DataFrame({"step": [0, 5], "learning_rate": [np.nan, 0.1], "train_loss": [np.nan, 2.0], "validation_loss": [2.0, 1.0]},
                           index=pd.Index([0, 1], name="epoch"))
    return PUBLIC["train.loop.FitResult"](model(), Path("best.ckpt"), Path("last.ckpt"), history, records(), 1.0)


@cache
def finding():
    """Return what a run of two untrained models found."""
    results = import_module("celestial_pgat.app.results")
    run = results.gather(celestial_pgat.preset("smoke"), windows(),
                         {"without sky": [result()], "with sky": [result()]}, notes=["a note"])
    planted = ("sky", "the phase of the Moon", 0.05, windows(), model())
    return results.add_power(results.add_inputs(run, [model()], windows(), 2, progress=False), [planted], progress=False)


@cache
def stress():
    """Return what the small model does with spoilt inputs."""
    return PUBLIC["evaluate.stress.stress_test"](model(), windows())


@cache
def question():
    """Return a question about half a year of bars, with a table of two columns whose clock does nothing."""
    days, rng = prices("2019-12-31").index, RNG()
    table, changes = rng.normal(size=(len(days) - 2, 2)), 0.01 * rng.normal(size=len(days))
    return PUBLIC["evaluate.fair.Question"](days, changes, lambda speed: table, np.ones((len(days) - 2, 1)), [days[150]], 2)


@cache
def fair():
    """Return what a small fair test of two clocks, with networks drawn by lot, found."""
    few = fair_settings(horizon=2, mirrors=19, worlds=19, skies=2, grid=2, sizes=(0.0, 0.5), seeds=1)
    asked = PUBLIC["app.fair_jobs.ask"](prices("2019-12-31"), flat_sky, few, starts=["2019-09"])
    rows = [PUBLIC["app.fair_jobs.answer"](asked, job) for job in PUBLIC["app.fair_jobs.fair_jobs"](asked)]
    rows += [{"kind": "network", "index": 2 * sky + fold, "sky": sky, "seed": 0, "fold": fold, "mse": 1.0 + sky, "walk": 1.5, "gate": 0.5 + sky / 9}
             for sky in range(3) for fold in range(2)]
    networks = pd.DataFrame(rows[-6:])[["sky", "fold", "mse"]].assign(speed=1.0, windows=20, seeds=1)
    return PUBLIC["app.fair.FairTest"](import_module("celestial_pgat.app.fair")._described(asked), rows, networks)


def flat_sky(dates, speed):
    """Return two waves of a clock."""
    turns = speed * np.arange(len(dates)) / 7
    return np.column_stack([np.sin(turns), np.cos(turns)])


def fair_settings(**values):
    """Return settings of a fair test."""
    return PUBLIC["app.fair_jobs.FairSettings"](**values)


@cache
def asked():
    """Return a question with its prices and settings."""
    return PUBLIC["app.fair_jobs.ask"](prices("2019-12-31"), flat_sky, fair_settings(horizon=2), starts=["2019-09"])


def job():
    """Return a training that is not begun."""
    return PUBLIC["app.worker.Job"]("with sky", celestial_pgat.preset("smoke"), windows(), Path("trained"))


def settings(**values):
    """Return settings about data."""
    return type(celestial_pgat.preset("smoke").data)(**values)


def state() -> Path:
    """Save the state of a run after two epochs."""
    kept = PUBLIC["train.states.RunHistory"](Path("kept"), celestial_pgat.preset("smoke"), scales())
    whole = dict.fromkeys(import_module("celestial_pgat.train.states").WHOLE, 0) | {"callbacks": {"RunHistory": kept.state_dict()}}
    PUBLIC["train.states.write_state"]("state.ckpt", whole)
    return Path("state.ckpt")


def batches():
    """Return the order of an epoch in batches."""
    return PUBLIC["data.sampler.EpochSampler"](20, 20, 6, 7)


def memory_rows():
    """Return two entries of a log of memory."""
    return pd.DataFrame({"stage": ["fit start", "fit end"], "epoch": 0, "step": [0, 3], "seconds": [0.0, 1.0], "rss": [1e9, 2e9]})


def shares():
    """Return the batches of one process."""
    return PUBLIC["train.loaders.ShareSampler"](batches())


def table() -> Path:
    """Write the bars as a table."""
    prices().to_csv("table.csv")
    return Path("table.csv")


@cache
def report():
    """Return a memory report."""
    from celestial_pgat.train.memory import memory_report
    return memory_report(joined(), *torch.randn(2, 5, 8, requires_grad=True))


def branches():
    from celestial_pgat.evaluate.branches import TwoBranches
    return PUBLIC["train.stacks.ModelStack"]([TwoBranches(), TwoBranches()])


@cache
def stocks():
    """Return the panel of twelve stocks over eighty days."""
    return PUBLIC["data.market.market"](80, 12, 3, history=20).panel


def stock_cache() -> Path:
    """Write the cache of twelve stocks."""
    return PUBLIC["data.cache.write_cache"](stocks(), "stocks.arrow")


def stock_rows() -> pd.DataFrame:
    """Return a table with a row for each of two stocks and days."""
    return pd.DataFrame({"Date": ["2024-01-02", "2024-01-03"] * 2, "Code": [*"AABB"], "Close": [1.0, 2.0, 3.0, 4.0]})


@cache
def stock_lists() -> dict:
    """Return the sizes of one layer between stocks."""
    return PUBLIC["graph.stocks.graph_lists"](1, 8, 2)


def rank_settings(**changes):
    """Return a small network that ranks."""
    return PUBLIC["model.rank_config.RankModelConfig"](**dict(history=8, d=8, heads=2) | changes)


def days_batch():
    """Return two days of six stocks, of which one is not listed on the first."""
    listed = torch.ones(2, 6, dtype=torch.bool)
    listed[0, 5] = False
    return PUBLIC["data.cross_sections.DayBatch"](torch.randn(6, 9, 5), torch.randn(6, 61), listed, torch.randn(2, 6, 4), torch.arange(6) % 3 - 1, torch.arange(2))


@cache
def claim():
    """Return an entry of the ledger."""
    from celestial_pgat.app.ledger import Claim
    return Claim("M4", "linear in both", "holds", "90_lab.memory: slopes", PROVENANCE)


def one() -> int:
    """Return one, anywhere."""
    return 1


def written(name: str, text: str) -> Path:
    """Write a file in the working directory of the test, and return its path."""
    Path(name).write_text(text)
    return Path(name)


def changes() -> dict[str, np.ndarray]:
    """Return forecasts for twelve windows, as log changes."""
    return {"random walk": np.zeros((12, 2, 4)), "model": 0.01 * RNG().standard_normal((12, 2, 4))}


def drawn(n: int = 60) -> np.ndarray:
    """Return `n` paths of possible candles for twelve windows, scaled units."""
    parts = RNG().standard_normal((n, 12, 2, 4))
    parts[..., 2:] = np.abs(parts[..., 2:])
    return PUBLIC["model.candles.candles_of"](torch.from_numpy(parts)).numpy()


def some_mixture():
    """Return a mixture of two Gaussians for each part of two days of three steps."""
    return PUBLIC["model.heads.MixtureDensityDecoder"](8, 3, 2)(torch.randn(2, 3, 8))


def density(horizon: int = 3) -> nn.Module:
    """Return the small model with a distribution for each part of a candle."""
    cfg = celestial_pgat.preset("smoke").model
    return celestial_pgat.CelestialPGAT(dataclasses.replace(cfg, head="mixture", horizon=horizon))


@cache
def sure() -> Path:
    """Save a model that says a distribution, and return its folder."""
    cfg = celestial_pgat.preset("smoke")
    cfg = dataclasses.replace(cfg, model=dataclasses.replace(cfg.model, head="mixture"))
    return celestial_pgat.save_model("sure", celestial_pgat.CelestialPGAT(cfg.model), cfg, scales())


def path_scores() -> pd.DataFrame:
    """Return the scores of two forecasts for the twelve windows."""
    return PUBLIC["evaluate.distributions.score_windows"]({"model": drawn(), "other": 1.5 * drawn()}, drawn()[0])


def covered() -> pd.DataFrame:
    """Return the coverage of a forecast of the twelve windows."""
    return PUBLIC["evaluate.calibration.coverage_table"](drawn(), drawn()[0])


def half(path: str) -> dict:
    """Return builders of the values [path, window, step] and the truth of one target."""
    return {f"{path}.values": lambda: drawn()[..., 3], f"{path}.truth": lambda: drawn()[0, ..., 3]}


PROVENANCE = {"seed": 0, "revision": "0123456789ab", "hardware": "any"}
MEMORY = pd.DataFrame({"stage": ["fit start", "train batch", "train batch"], "epoch": 0, "step": [0, 1, 2], "seconds": [0.0, 1.0, 2.0],
                       "rss": [1e6, 2e6, 2e6], "before_backward": [np.nan, 2e6, 2e6], "kept.a": [np.nan, 10.0, 20.0]})
edges = lambda: torch.randn(2, 3, 13, 13)
ARRAY = 0.01 * RNG().standard_normal((12, 2, 4))

BUILDERS = {
    "train.params.with_params.cfg": smallest_ranking, "train.params.with_params.params": lambda: {"model.d": 16, "loss.weight": 0.0},
    "train.trials.search_turn.folder": lambda: Path("turns"), "train.trials.storage_text.folder": lambda: Path("searched"), **{f"train.trials.{name}.storage": lambda: "sqlite:///search.db" for name in ("shown_storage", "open_storage", "in_folder")},
    **{f"{path}.folder": searched for path in ("train.trials.open_storage", "train.search.open_search", *(f"train.search_state.{name}" for name in ("search_plan", "read_search", "write_trials")))},
    "train.search_state.write_trials.study": lambda: import_module("optuna").create_study(), "train.search_state.plot_search.state": search_state,
    **{f"train.search.{name}.cfg": smallest_ranking for name in ("suggest", "begin_search")}, "train.search.suggest.space": lambda: {"model.d": import_module("optuna").distributions.IntDistribution(8, 32)},
    **{f"train.search.{name}.trial": fixed_trial for name in ("suggest", "ReportEpochs")}, "train.search.ReportEpochs.monitor": lambda: "loss",
    "train.search.begin_search.folder": lambda: Path("begun"), "train.search.begin_search.direction": lambda: "maximize", "train.search.begin_search.measure": lambda: "a measure", "train.search.begin_search.origin": lambda: {"data": "market"},
    **{f"data.panel.Panel.{name}": (lambda name: lambda: getattr(stocks(), name))(name) for name in ("dates", "codes", "sectors", "prices", "listed", "extra", "names", "notes", "source")},
    "data.panel.listing.closes": lambda: np.ones((30, 4)).cumsum(axis=0), "data.panel.load_panel.source": stock_cache, "data.panel.load_panel.history": lambda: 20,
    "data.market.market.days": lambda: 80, "data.market.market.stocks": lambda: 12, "data.market.market.sectors": lambda: 3, "data.market.market.kind": lambda: "own",
    "data.stock_tables.stock_columns.columns": lambda: ["Date", "Code", "Close"], "data.stock_tables.stock_files.source": table, "data.stock_tables.survey_stocks.source": stock_rows,
    "data.panel.need_sessions.days": lambda: prices().index, "data.cache.write_cache.source": stocks, "data.cache.write_cache.path": lambda: "stocks.arrow",
    **{f"data.cache.{name}.path": stock_cache for name in ("open_cache", "cached_panel")},
    **{key: value for name in ("distributions.ensemble_crps", "distributions.pinball_loss", "distributions.interval_loss", "calibration.pit_values", "distributions.path_quantiles") for key, value in half(f"evaluate.{name}").items() if not key.endswith("path_quantiles.truth")},
    **{f"evaluate.{name}.truth": lambda: drawn()[0] for name in ("distributions.check_paths", "distributions.energy_score", "distributions.variogram_score", "distributions.crps_of_candles", "distributions.score_windows",
       "distributions.score_paths", "calibration.coverage_table", "calibration.band_coverage", "calibration.touch_table")},
    **{f"evaluate.baselines.{name}.data": wide_windows for name in ("climatology_paths", "scaled_climatology_paths", "walk_paths", "garch_paths", "har_ranges", "baseline_paths")},
    **{f"model.mixtures.{name}.mixture": some_mixture for name in ("part_moments", "part_cdf", "part_quantiles")}, "model.heads.floored_share.mixture": some_mixture,
    "model.mixtures.part_cdf.parts": lambda: torch.randn(2, 3, 4), "model.mixtures.part_quantiles.level": lambda: 0.5, "model.heads.make_head.cfg": lambda: celestial_pgat.preset("smoke").model,
    **{f"model.mixtures.{name}.{part}": value for name in ("fit_parts", "fit_kinds") for part, value in (("parts", lambda: torch.randn(40, 2, 4).abs()), ("components", lambda: 2), ("floor", lambda: 0.01))},
    "train.losses.batch_loss.model": model, "train.losses.batch_loss.batch": batch, "app.bands.draw_paths.models": lambda: [density()], "app.bands.draw_paths.batch": batch, "app.bands.draw_paths.generator": torch.Generator, "app.bands.bands_of.models": lambda: {"model": [density(2)]},
    "app.bands.bands_of.data": wide_windows, "app.bands.bands_text.bands": lambda: import_module("celestial_pgat.app.bands").bands_of({}, wide_windows()),
    "app.outlook.forecast_paths.model": sure, "app.outlook.forecast_paths.data": table, "app.outlook.forecast_paths.paths": lambda: 20, "app.outlook.Outlook.paths": lambda: np.exp(0.01 * drawn()[:, 0] + 7), "app.outlook.Outlook.sessions": lambda: DATES[:2],
    "app.outlook.Outlook.last": lambda: 1100.0,
    "n": lambda: 3, "paths": drawn, "paths_by_name": lambda: {"model": drawn()}, "scores": path_scores,
    **{f"evaluate.distributions.{name}.name": lambda: "model" for name in ("compare_scores", "beaten_sentence")},
    **{f"evaluate.distributions.mixture_crps.{name}": lambda: np.full((3, 2), 0.5) for name in ("weights", "means", "deviations")}, "evaluate.distributions.mixture_crps.y": lambda: np.zeros(3),
    **{f"evaluate.distributions.compare_means.{name}": (lambda place: lambda: ARRAY[:, 0, place])(place) for place, name in enumerate(("values", "reference"))},
    "evaluate.distributions.MeanDifference.difference": lambda: 0.1,
    "pits": lambda: {"model": np.linspace(0, 1, 9)}, "hits": lambda: np.arange(12) % 2 / 1.0, "chosen": lambda: np.ones(12),
    "evaluate.calibration.coverage_table.volatility": lambda: np.arange(12.0), "evaluate.calibration.plot_coverage.tables": lambda: {"model": covered()},
    "evaluate.calibration.plot_reliability.tables": lambda: {"model": PUBLIC["evaluate.calibration.touch_table"](drawn(), drawn()[0], -1.0)},
    **{f"evaluate.calibration.{name}.level": lambda: -1.0 for name in ("touch_probability", "touch_table")},
    **{f"evaluate.calibration.{name}.scale": lambda: np.full(12, 0.01) for name in ("path_prices", "scaled_level")}, "price": lambda: 1100.0,
    "evaluate.calibration.plot_fan.prices": lambda: np.exp(0.01 * drawn()[:, 0] + 7), "evaluate.calibration.plot_fan.candles": prices,
    # by the path of the function and the parameter
    "sky.surrogates.obliquity.states": states, "sky.surrogates.turn_states.states": states, "sky.surrogates.turn_states.angles": lambda: np.zeros(13),
    "sky.surrogates.surrogate_series.values": lambda: np.sin(np.arange(900.0)), "sky.surrogates.surrogate_series.at": lambda: np.arange(5.0),
    "sky.surrogates.surrogate_series.least": lambda: 370,
    "sky.surrogates.seam.values": lambda: np.sin(np.arange(900.0)), "sky.surrogates.seam.least": lambda: 370,
    "sky.surrogates.randomise.values": lambda: np.sin(np.arange(50.0)), "sky.surrogates.noise.dates": lambda: DATES,
    "sky.pictures.retrograde_stretches.rates": lambda: pd.Series([1.0, -1.0, 1.0], index=DATES[:3]),
    "sky.edges.phase_edges.waves": waves,
    "fusion.gate.learning_curve.target": lambda: torch.randn(5, 2), "fusion.gate.learning_curve.steps": lambda: 2,
    "fusion.gate.compare_fusion_strategies.steps": lambda: 2, "fusion.gate.compare_fusion_strategies.strategies": lambda: ("addition",),
    "fusion.gate.compare_fusion_strategies.norms": lambda: (None,), "fusion.gate.compare_fusion_strategies.progress": lambda: False,
    "fusion.gate.FusionComparison.table": lambda: comparison().table, "fusion.gate.FusionComparison.curves": lambda: None,
    "fusion.points.Branches.a": lambda: "norm_a", "fusion.points.Branches.b": lambda: "norm_b",
    "fusion.points.find_points.model": joined,
    "fusion.cost.squared_error.forecast": lambda: torch.randn(4, 8), "fusion.cost.squared_error.target": lambda: torch.randn(4, 8),
    **{f"fusion.cost.{name}.model": joined for name in ("branch_cost", "branch_days")},
    **{f"fusion.cost.{name}.branches": lambda: PUBLIC["fusion.points.Branches"]("norm_a", "norm_b") for name in ("branch_cost", "branch_days")},
    **{f"fusion.cost.{name}.batches": lambda: [tuple(torch.randn(3, 40, 8))] for name in ("branch_cost", "branch_days")},
    "fusion.cost.cost_table.costs": lambda: {"(model)": PUBLIC["fusion.cost.branch_cost"](joined(), None, [tuple(torch.randn(3, 40, 8))])},
    "fusion.gate.evaluating.model": joined, "fusion.diagnostics.FusionDiagnostics.model": joined,
    "core.files.read_json_lines.path": lambda: written("rows.jsonl", '{"a": 1}\n'), "core.files.read_json_lines.keys": lambda: ["a"],
    "core.files.append_json_lines.path": lambda: Path("appended.jsonl"), "core.files.append_json_lines.rows": lambda: [{"a": 1.0}],
    "fusion.records.continue_log.path": lambda: written("log.jsonl", '{"point": "a", "batch": 1}\n'),
    "fusion.records.read_fusion_log.path": lambda: written("fusion.jsonl", records().head(1).assign(influence_a=0.0, influence_b=0.0).fillna(0).to_json(orient="records", lines=True)),
    "core.files.drop_cut_line.path": lambda: written("whole.jsonl", '{"a": 1}\n'),
    "fusion.audit.GradientAudit.table": lambda: PUBLIC["fusion.audit.gradient_audit"](model()).table, "fusion.audit.GradientAudit.frozen": lambda: 0,
    "fusion.audit.NormMonitor.model": model, "fusion.audit.gradient_audit.model": model,
    "graph.combiner.ablation_shares.combiner": lambda: celestial_pgat.CelestialGraphCombiner(d_context=8),
    "graph.learners.temperature_at.progress": lambda: 0.5,
    "model.autocorrelation.target_readings.past_target": lambda: torch.randn(2, 3, 4),
    "model.decoder.whole_attention.layer": lambda: nn.TransformerEncoderLayer(8, 2),
    "train.memory.MemoryReport.table": lambda: report().table, "train.memory.plot_memory_report.report": report,
    "train.memory.memory_report.model": Constant, "train.memory.plot_memory_log.frame": lambda: MEMORY,
    "train.memory.read_memory_log.path": lambda: written("memory.jsonl", MEMORY.fillna(0).to_json(orient="records", lines=True)),
    "train.optim.warmup_cosine.total": lambda: 10, "train.optim.warmup_cosine.warmup": lambda: 2, "train.optim.warmup_cosine.step": lambda: 3,
    "core.intervals.Comparison.low": lambda: -1.0,
    **{f"core.intervals.compare_errors.{name}": lambda: np.abs(ARRAY[:, 0, 0]) for name in ("errors", "reference")},
    "evaluate.metrics.percentage_scores.truth": lambda: 1 + np.abs(ARRAY),
    "evaluate.metrics.evaluate.forecasts": lambda: {"model": torch.from_numpy(ARRAY)},
    "evaluate.metrics.evaluate.target": lambda: torch.from_numpy(ARRAY),
    "evaluate.metrics.evaluate.anchor": lambda: torch.full((12,), 7.0),
    "evaluate.metrics.evaluate.scale": lambda: torch.full((12,), 0.01),
    "evaluate.metrics.forecast_colors.names": lambda: ["random walk", "model"],
    "evaluate.metrics.Metrics.changes": lambda: {name: change[None] for name, change in changes().items()},
    "evaluate.metrics.Metrics.scale": lambda: np.full(12, 0.01),
    "evaluate.verdict.Answer.model": lambda: "with sky", "evaluate.verdict.Answer.against": lambda: "random walk",
    "evaluate.verdict.Answer.loss": lambda: "MSE", "evaluate.verdict.Answer.by_seed": lambda: np.zeros(1),
    "evaluate.verdict.Answer.found": lambda: PUBLIC["core.intervals.Comparison"](0.0, -1.0, 1.0, 20),
    **{f"evaluate.metrics.{name}.{side}": (lambda text: lambda: text)(text) for name in ("compare", "changes_by_seed")
       for side, text in (("a", "with sky"), ("b", "random walk"))},
    "evaluate.metrics.scores.name": lambda: "with sky", "evaluate.metrics.scores.units": lambda: "log",
    "evaluate.references.constant_forecast.target": lambda: torch.from_numpy(ARRAY),
    "evaluate.references.predict.model": model, "evaluate.references.truth_of.dataset": lambda: windows().test,
    "evaluate.references.trailing_volatility.close": lambda: prices()["Close"],
    "evaluate.verdict.errors_by_year.origins": lambda: finding().origins,
    "evaluate.verdict.plot_cumulative.origins": lambda: finding().origins,
    "evaluate.placebo.placebo_years.dates": lambda: DATES, "evaluate.placebo.judge_inputs.models": lambda: [model()],
    "evaluate.placebo.judge_inputs.count": lambda: 2, "evaluate.placebo.judge_inputs.progress": lambda: False,
    "evaluate.placebo.replaced_inputs.count": lambda: 2, "evaluate.placebo.judge_input.forecasts": lambda: np.stack([ARRAY[None], 2 * ARRAY[None]]),
    "evaluate.verdict.arm_name.arm": lambda: "true", "evaluate.verdict.arm_name.inputs": lambda: "sky",
    "evaluate.verdict.arms_of.models": lambda: ["with sky", "without sky"],
    **{f"{path}.name": lambda: "sky" for path in ("evaluate.placebo.replaced_inputs", "evaluate.placebo.rank_sentence", "evaluate.placebo.plot_placebo",
                                                  "evaluate.planted.signal_of", "app.arms.planted_copy")},
    "evaluate.planted.plant.signal": lambda: RNG().normal(size=len(prices())), "evaluate.planted.smallest_effect.cost": lambda: 0.1,
    "evaluate.planted.smallest_effect.low": lambda: 0.05,
    **{f"evaluate.blocks.bootstrap_errors.{name}": lambda: np.abs(ARRAY[:, 0, 0]) for name in ("errors", "reference")},
    "evaluate.stress.stressed_batch.batch": batch, "evaluate.stress.stressed_batch.scenario": lambda: "noise",
    "evaluate.stress.stressed_batch.generator": torch.Generator, "evaluate.stress.StressReport.table": lambda: stress().table,
    "evaluate.stress.plot_stress.report": stress,
    "evaluate.placebo.test_under.waves": sky_of_test,
    "evaluate.placebo.placebo_correlations.forecasts": lambda: np.stack([ARRAY, 2 * ARRAY]),
    "app.ledger.Claim.evidence": lambda: "90_lab.memory: slopes", "app.ledger.Claim.id": lambda: "M4",
    "app.ledger.record_claim.path": lambda: Path("claims.json"), "app.ledger.record_claim.entry": claim,
    "app.ledger.read_claims.path": lambda: Path("claims.json"), "app.ledger.Ledger.entries": lambda: {"M4": claim()},
    "app.laboratory.read_sections.path": lambda: Path("sections.json"),
    "app.laboratory.plain_rows.rows": lambda: [{"a": 1.0}], "app.laboratory.Laboratory.results": lambda: Path("results.json"),
    "app.laboratory.Laboratory.settings": lambda: {"steps": 3},
    "core.checks.checked.target": lambda: written, "core.checks.need_columns.columns": lambda: ["a"],
    "core.files.write_whole.save": lambda: lambda path: path.write_text("whole"), "core.files.note.text": lambda: "text", "core.files.counted.number": lambda: 3,
    "core.tables.read_file.path": lambda: written("prices.csv", "Date,Close\n2021-01-04,1.5\n2021-01-05,1.6\n"),
    "core.files.read_content.path": lambda: written("prices.csv", "Date,Close\n2021-01-04,1.5\n2021-01-05,1.6\n"),
    "core.tables.find_columns.columns": lambda: ["Open", "Close"], "core.tables.find_columns.known": lambda: ["open"],
    "core.tables.look_like_returns.values": lambda: pd.Series(np.arange(30.0)), "core.tables.refuse_cells.what": lambda: "is wrong",
    "core.tables.refuse_cells.faults": lambda: (prices() < 0).astype(float), "core.tables.refuse_cells.remedy": lambda: "mend it",
    **{f"core.tables.{name}.table": prices for name in ("number_style", "as_numbers", "refuse_cells")}, "core.dates.date_column.table": prices,
    "core.dates.need_rising.dates": lambda: prices().index,
    "core.files.setting.name": lambda: "repair", "core.dates.parse_dates.column": lambda: pd.Series(["2021-01-04", "2021-01-05"]),
    "core.tables.is_number.cell": lambda: "1.5", "core.tables.is_blank.cell": lambda: "",
    "sky.waves.Wave.quantity": lambda: "longitude_sin", "sky.waves.Wave.kind": lambda: "angle", "sky.waves.WaveSchema.waves": lambda: tuple(import_module("celestial_pgat.sky.waves").WAVES[:2]),
    "sky.waves.waves_from_states.states": states, "sky.waves.longitudes.waves": sky, "sky.waves.check_circle.waves": sky, "sky.waves.check_units.waves": sky,
    "sky.table.Column.role": lambda: "wave", "sky.table.SkyTable.waves": sky, "sky.table.SkyTable.prices": lambda: None, "sky.table.SkyTable.extra": pd.DataFrame,
    "train.memory.largest_rise.frame": lambda: MEMORY, "evaluate.references.placed_batch.batch": lambda: batch(),
    "sky.edges.edges_of.waves": sky, "sky.pairs.pairs_of.waves": sky, "sky.pairs.take_pairs.values": edges,
    "sky.pairs.pair_features.edges": lambda: torch.rand(2, 3, 13, 13, 6),
    "data.batch.distinct_days.rows": lambda: torch.tensor([[4, 5, 6]]), "data.batch.link_sky.rows": lambda: torch.tensor([[4, 5, 6]]),
    "data.batch.link_sky.waves": lambda: torch.ones(9, 113), "data.batch.link_sky.pairs": lambda: torch.ones(9, 78, 5),
    "data.worlds.mirrored.signs": lambda: np.where(RNG().random(len(prices()) - 1) < 0.5, -1.0, 1.0), "data.worlds.mirrored.train": lambda: 60,
    "data.worlds.mirrored_changes.signs": lambda: np.where(RNG().random((40, 2)) < 0.5, -1.0, 1.0), "data.worlds.mirrored_changes.drift": lambda: 0.001,
    **{f"data.worlds.{name}.changes": lambda: 0.01 * RNG().normal(size=40) for name in ("mirrored_changes", "shuffled_blocks")},
    **{f"data.worlds.{name}.worlds": lambda: 2 for name in ("garch_changes", "shuffled_blocks")}, "data.worlds.planted_signals.dates": lambda: DATES,
    "data.worlds.add_signal.changes": lambda: 0.01 * RNG().normal(size=(40, 2)), "data.worlds.add_signal.signal": lambda: RNG().normal(size=40),
    "data.graphs.chain.fresh": lambda: torch.arange(4.0), "data.graphs.chain.change": lambda: torch.tensor([False, True, False, True]),
    "data.graphs.plant_world.world": lambda: "moving, switch", "data.graphs.plant_world.length": lambda: 20, "data.graphs.plant_world.n": lambda: 3,
    **{f"data.graphs.plant_world.{name}": lambda: 0.5 for name in ("density", "clear", "blur")},
    "data.sampler.EpochSampler.windows": lambda: 4, "data.sampler.EpochSampler.size": lambda: 8,
    "sky.table.read_table.path": lambda: written("sky.csv", sky().to_csv()),
    "data.prices.load_ohlc.source": lambda: prices().reset_index(),
    "data.days.read_days.source": lambda: prices().reset_index(),
    **{f"data.copies.{name}.table": lambda: covariates().table for name in ("future_copies", "refuse_copies")},
    "data.covariates.Covariates.table": lambda: covariates().table, "data.covariates.Covariates.known": lambda: ("load",),
    "data.covariates.Covariates.groups": lambda: {"grid": ("load",), "weather": ("temp",)},
    "data.covariates.read_covariates.source": lambda: covariates().table, "data.covariates.read_covariates.known": lambda: "load",
    "data.covariates.read_covariates.future": lambda: covariates().table[["load"]],
    "data.covariates.read_covariates.groups": lambda: "grid: load; weather: temp",
    "data.covariates.parse_known.text": lambda: "load",
    "data.covariates.parse_groups.text": lambda: "grid: load; weather: temp",
    **{f"data.covariates.{name}.columns": lambda: ["load", "temp"] for name in ("parse_known", "parse_groups")},
    "data.covariates.format_groups.groups": lambda: {"grid": ("load",), "weather": ("temp",)},
    "data.calendar.exchange_code.name": lambda: "XNYS", "data.calendar.propose_exchange.days": lambda: prices().index,
    "data.calendar.fit_exchanges.days": lambda: prices().index, "data.calendar.fit_exchanges.candidates": lambda: ["XNYS", "XLON"],
    **{f"data.calendar.{name}.{bound}": lambda: pd.Timestamp("2020-01-02") for name in ("sessions_between", "scheduled_holidays", "scheduled_sessions") for bound in ("start", "end")},
    "data.calendar.check_recorded.days": lambda: prices().index,
    "data.batch.standardise.waves": sky, "data.windows.sky_of.waves": sky,
    "data.batch.Scales.price": lambda: 0.01, "data.batch.Scales.wave_center": lambda: np.zeros(113), "data.batch.Scales.wave_scale": lambda: np.ones(113),
    "data.windows.WindowDataset.dates": lambda: DATES[:30], "data.windows.WindowDataset.log_prices": lambda: torch.ones(30, 4).double(),
    "data.windows.WindowDataset.waves": lambda: torch.ones(30, 113), "data.windows.WindowDataset.pairs": lambda: torch.ones(30, 78, 5),
    "data.windows.WindowDataset.calendar": lambda: torch.ones(30, 15), "data.windows.WindowDataset.scale": lambda: 0.01,
    "data.windows.WindowDataset.covariates": lambda: torch.ones(30, 2), "data.windows.WindowDataset.known": lambda: torch.tensor([True, False]),
    "data.factors.across_stocks.values": lambda: RNG().normal(size=(9, 12)), "data.factors.forward_returns.logs": lambda: RNG().normal(size=(30, 12)),
    "data.factors.across_stocks.listed": lambda: np.ones((9, 12), bool), "data.factors.forward_returns.listed": lambda: np.ones((30, 12), bool), "data.factors.make_factors.panel": stock_panel,
    **{f"data.cross_sections.{name}.days": lambda: np.arange(40) for name in ("DayRuns", "DayBatchSampler")}, "data.cross_sections.walk_forward_folds.dates": lambda: DATES.append(DATES + pd.Timedelta(days=9999)),
    "data.rank_scales.RankScales.labels": lambda: (0.01, 0.02, 0.03, 0.04), "data.rank_scales.RankScales.features": lambda: ("a",), **{f"data.cross_sections.{name}.factors": stock_factors for name in ("RankData", "last_batch")},
    "data.cross_sections.last_batch.scales": lambda: PUBLIC["data.rank_scales.RankScales"]((0.01, 0.02, 0.03, 0.04), stock_factors().names),
    **{f"app.rank.RankRun.{name}": (lambda name: lambda: getattr(ranking_run(), name))(name) for name in (
        "dates", "codes", "sectors", "scores", "controls", "labels", "returns", "listed", "oracle", "history", "fusion", "settings")},
    **{f"app.rank.{name}.run": ranking_run for name in ("rank_verdict", "recovered_table", "earned_words", "earnings_table", "costs_table", "save_ranks")},
    "app.rank_page.write_rank_page.run": ranking_run, "app.rank_page.write_rank_page.folder": lambda: folder_of("page"), "app.rank.save_ranks.folder": lambda: folder_of("page"),
    "app.rank.load_ranks.folder": ranking_folder, "app.rank.gather_ranks.cfg": smallest_ranking, "app.rank.gather_ranks.data": stock_data,
    "app.rank.gather_ranks.result": lambda: PUBLIC["train.loop.FitResult"](ranker().model, Path("a"), Path("b"), ranking_run().history, pd.DataFrame(), 1.0),
    "app.rank_command.rank_verify.path": stock_cache, "app.rank_command.rank_cache.source": lambda: "us20", "app.rank_command.rank_cache.path": lambda: "us20.arrow",
    "model.rank_config.rank_preset.name": lambda: "smoke", "train.ranker.Ranker.cfg": smallest_ranking, "train.ranker.Ranker.model": lambda: ranker().model,
    "evaluate.ranking.over_days_and_seeds.days": lambda: np.random.default_rng(0).normal(size=200), "evaluate.ranking.over_days_and_seeds.seeds": lambda: np.array([0.1, 0.2, 0.4]),
    "train.pretrain.draw_hidden.stocks": lambda: 6, "train.pretrain.draw_hidden.steps": lambda: 21, "train.pretrain.MaskedNetwork.network": lambda: ranker().model,
    **{f"train.pretrain.MaskedNetwork.{name}": lambda: torch.ones(len(stock_factors().names)) for name in ("centre", "scale")},
    "train.pretrain.hidden_error.made": lambda: masked()(stock_data().last_batch()), "train.pretrain.hidden_error.batch": lambda: stock_data().last_batch(),
    "train.pretrain.hidden_error.hidden": hidden, "train.pretrain.Reconstructor.cfg": smallest_ranking, "train.pretrain.start_from.ranker": lambda: ranker(),
    **{f"train.pretrain.{path}": masked for path in ("hidden_error.model", "Reconstructor.model", "reconstruction_errors.model", "start_from.pretrained")},
    "train.pretrain.reconstruction_errors.batches": lambda: [stock_data().last_batch()], "train.pretrain.with_labels.factors": stock_factors,
    "train.pretrain.with_labels.rows": lambda: np.arange(300, 400), "train.pretrain.with_labels.share": lambda: 0.5, "train.pretrain.labelled_days.data": stock_data,
    "train.ranker.make_ranker.cfg": smallest_ranking, "train.ranker.make_ranker.data": stock_data,
    "train.ranker.predict_ranks.model": lambda: ranker().model, "train.ranker.predict_ranks.batches": lambda: [stock_data().last_batch()],
    **{f"train.ranker.daily_correlation.{name}": (lambda make: lambda: make(4, 12))(make) for name, make in (
        ("score", torch.randn), ("target", torch.randn), ("listed", lambda *size: torch.ones(size, dtype=torch.bool)))},
    "data.cross_sections.DayDataset.tensors": lambda: PUBLIC["data.cross_sections.RankData"](stock_factors()).tensors, "data.cross_sections.DayDataset.rows": lambda: np.arange(100, 140),
    "graph.phase.NodeFields.owned": lambda: [[0, 2], [1]], "model.covariates.CovariateStates.sizes": lambda: [2, 1],
    "sky.surrogates.stretched.speed": lambda: 0.87,
    "data.streams.Worlds.truth": lambda: "gated", "data.streams.Worlds.worlds": lambda: 2,
    **{f"train.streams.{name}.strategy": lambda: "gated_addition" for name in ("StreamLearner", "two_streams")},
    **{f"train.streams.{name}.norm": lambda: "layer" for name in ("StreamLearner", "two_streams")},
    **{f"fusion.starts.{name}.kind": lambda: "normed" for name in ("StreamLayer", "stream_rms")},
    "fusion.starts.stream_rms.depth": lambda: 2, "fusion.starts.stream_rms.scale": lambda: 1.0,
    "train.streams.draw_gate.gate": lambda: celestial_pgat.FusionGate(8), "train.streams.train_streams.models": lambda: PUBLIC["train.streams.two_streams"](4, 8, "film", None), "train.streams.train_streams.rates": lambda: 0.1,
    "train.streams.train_streams.worlds": lambda: PUBLIC["data.streams.Worlds"]("gated", 2, 1),
    "data.streams.Several.parts": lambda: [PUBLIC["data.streams.Worlds"]("gated", 2, 1)],
    "data.windows.random_batch.cfg": lambda: celestial_pgat.preset("smoke"), "data.windows.check_rows.rows": lambda: 500, "data.windows.check_rows.step": lambda: 4,
    "model.config.preset.name": lambda: "smoke",
    "model.reading.read_file.path": lambda: written("config.yaml", "seed: 3\n"), "model.config.load_config.path": lambda: written("config.yaml", "seed: 3\n"),
    "model.config.read_override.text": lambda: "model.d=96",
    "train.checkpoint.load_model.folder": saved, "train.checkpoint.save_model.cfg": lambda: celestial_pgat.preset("smoke"), "train.checkpoint.save_model.model": model,
    "core.dates.midnight_zone.moments": lambda: pd.date_range("2020-01-01", periods=3),
    "train.finite.first_nonfinite.named": lambda: [("a", torch.ones(2))], "train.finite.first_bad_module.batch": batch,
    "train.finite.refuse_nonfinite_step.optimizer": lambda: torch.optim.Adam(model().parameters()), "train.finite.BadBatches.skip": lambda: True, "train.finite.BadBatches.most": lambda: 3,
    **{f"train.loaders.{name}.batches": (lambda made: lambda: made())(made) for name, made in (("ShareSampler", batches), ("ResumableLoader", shares))},
    "evaluate.references.placed_batch.batch": batch, "evaluate.references.placed_batch.model": model,
    "train.memory.largest_rise.frame": memory_rows,
    "train.loaders.ResumableLoader.dataset": lambda: windows().train, "train.optim.optimizer_class.name": lambda: "adamw",
    **{f"train.optim.warmup_restarts.{name}": lambda: 3 for name in ("step", "first", "warmup")},
    "train.states.write_state.state": lambda: {"epoch": 1}, "train.states.read_state.path": state, "train.states.newest_state.folder": lambda: state().parent,
    "train.finite.refuse_nonfinite_loss.loss": lambda: torch.tensor(1.0), "train.finite.refuse_nonfinite_loss.batch": batch,
    **{f"train.{name}.cfg": lambda: celestial_pgat.preset("smoke") for name in ("loop.Forecaster", "states.RunHistory", "resuming.resume_state")},
    **{f"train.loop.FitResult.{name}": (lambda name: lambda: getattr(result(), name))(name) for name in ("best_path", "last_path", "history", "fusion", "seconds")},
    "train.loop.Forecaster.model": model, "train.resuming.resume_state.path": state,
    **{f"app.{name}.cfg": lambda: celestial_pgat.preset("smoke") for name in ("arms.prepare", "arms.arm_jobs", "arms.planted_jobs", "worker.Job")},
    "app.arms.read_sky.data": lambda: settings(source=str(written("sky.csv", sky().to_csv())), sky="table"),
    "app.arms.read_inputs.data": lambda: settings(source=str(table()), covariates=str(written("mine.csv", covariates().table.to_csv()))),
    "app.arms.inputs_in_words.model": lambda: celestial_pgat.preset("smoke").model, "app.arms.check_arms.arms": lambda: "no,true",
    "app.arms.planted_jobs.count": lambda: 1,
    "app.ranks.new_folder.parent": lambda: Path("folders"), "app.ranks.new_folder.name": lambda: None, "app.ranks.agreed_folder.parent": lambda: Path("folders"),
    "data.fingerprint.fingerprint.table": prices, "app.origin.load_best.folder": saved, "app.inspection.inspect_folder.folder": saved,
    **{f"app.origin.Origin.{name}": (lambda name: lambda: vars(origin())[name])(name) for name in ("kind", "base", "cfg", "data", "scales", "place", "command", "made")},
    "app.origin.write_origin.origin": lambda: origin(), "app.preview.config_yaml.cfg": lambda: celestial_pgat.preset("smoke"), "app.preview.config_yaml.base": lambda: "demo",
    "app.preview.preview_text.cfg": lambda: celestial_pgat.preset("smoke"), "app.preview.preview_text.base": lambda: "smoke",
    "app.commands.plan.data": table, "app.commands.plan.base": lambda: "smoke", "app.commands.forecast.model": saved, "app.commands.forecast.data": table,
    **{f"app.results.Run.{name}": (lambda name: lambda: getattr(finding(), name))(name)
       for name in inspect.signature(PUBLIC["app.results.Run"]).parameters},
    "app.results.gather.cfg": lambda: celestial_pgat.preset("smoke"),
    "app.results.gather.results": lambda: {"without sky": [result()], "with sky": [result()]},
    "app.results.gather.notes": lambda: ["a note"], "app.results.add_inputs.models": lambda: [model()],
    "app.results.add_inputs.count": lambda: 2, "app.results.add_inputs.progress": lambda: False, "app.results.add_power.progress": lambda: False,
    "app.results.add_power.copies": lambda: [("sky", "the phase of the Moon", 0.05, windows(), model())],
    "app.results.load_run.folder": lambda: import_module("celestial_pgat.app.results").save_run("run", finding()),
    "app.pictures.plot_forecasts.windows": lambda: [0, 1], "app.pictures.plot_gate.dates": lambda: finding().origins,
    "app.pictures.plot_gate.gate": lambda: finding().gate,
    "app.pictures.plot_adjacency_beside_market.window": lambda: 1, "app.ledger.pick_claims.group": lambda: "M", "app.ledger.pick_claims.words": lambda: "memory",
    "core.bytes.plot_bytes.parts": lambda: {"a part": lambda B, T, d: torch.randn(B, T, d)}, "core.bytes.plot_bytes.memory": lambda: 1e9,
    **{f"core.bytes.plot_bytes.{name}": lambda: 2 for name in "BTd"},
    "fusion.gate.plot_openings.openings": lambda: [0.5], "fusion.gate.plot_openings.a": lambda: 1.0,
    "app.pictures.plot_adjacency.labels": lambda: [body.label for body in celestial_pgat.Body],
    "app.report.fill_template.template": lambda: import_module("celestial_pgat.app.report").TEMPLATE,
    "app.worker.in_fresh_process.function": lambda: one,
    "app.worker.Job.cfg": lambda: celestial_pgat.preset("smoke"), "app.worker.Job.name": lambda: "with sky", "app.worker.Job.folder": lambda: Path("new/with_sky"),
    "app.jobs.choose_workers.jobs": lambda: [PUBLIC["app.worker.Job"]("with sky", celestial_pgat.preset("smoke"), windows(), Path("new/with_sky"))],
    "app.leaving.name_leftovers.folder": lambda: Path("."),
    "app.leaving.leaving.folder": lambda: written("folder/file", "") and Path("folder") if Path("folder").mkdir(exist_ok=True) is None else None,
    "evaluate.features.sky_features.waves": sky, "evaluate.features.summed_ahead.changes": lambda: RNG().normal(size=(9, 2)),
    "evaluate.features.walk_forward.origins": lambda: DATES, "evaluate.features.walk_forward.starts": lambda: [DATES[200], DATES[300]],
    "evaluate.features.later_half.origins": lambda: DATES,
    "evaluate.ridge.ridge_penalty.spectrum": lambda: np.arange(1.0, 9.0), "evaluate.ridge.ridge_penalty.freedom": lambda: 3.0,
    "evaluate.ridge.SkyRidge.sky": lambda: RNG().normal(size=(400, 3)), "evaluate.ridge.SkyRidge.season": lambda: np.ones((400, 1)),
    "evaluate.ridge.SkyRidge.folds": lambda: [(np.arange(200), np.arange(200, 400))],
    **{f"evaluate.fair.Question.{name}": (lambda name: lambda: vars(question())[name])(name) for name in ("dates", "changes", "features", "season", "starts", "horizon")},
    "question": question, "evaluate.fair.mirror_correlations.changes": lambda: question().changes, "ridge": lambda: question().ridge(),
    **{f"evaluate.fair.{way}.{name}": lambda: ARRAY[:, 0, 0] for way in ("effect_of", "companion_p") for name in ("rest", "forecast")},
    "evaluate.fair.planted_correlations.signal": lambda: RNG().normal(size=len(question().changes)),
    **{f"evaluate.fair.{name}.sizes": lambda: [0.0, 0.1] for name in ("planted_correlations", "upper_limit", "smallest_seen")},
    "evaluate.fair.upper_limit.found": lambda: 0.5, "evaluate.fair.upper_limit.planted": lambda: RNG().normal(size=(2, 9)), "evaluate.fair.smallest_seen.power": lambda: [0.1, 0.9],
    **{f"app.fair_jobs.Asked.{name}": (lambda name: lambda: vars(asked())[name])(name) for name in ("question", "prices", "signals", "settings", "has_clock", "exchange")},
    "app.fair_jobs.ask.prices": lambda: prices("2019-12-31"), "app.fair_jobs.ask.exogenous": lambda: flat_sky, "app.fair_jobs.ask.settings": lambda: fair_settings(horizon=2), "app.fair_jobs.ask.starts": lambda: ["2019-09"],
    "app.fair_jobs.fair_jobs.asked": asked, "app.fair_jobs.false_speeds.settings": fair_settings, "app.fair.fair_verdict.p_mirror": lambda: 0.01, "app.fair.fair_verdict.p_stretch": lambda: 0.01,
    **{f"app.fair.FairTest.{name}": (lambda name: lambda: vars(fair())[name])(name) for name in ("asked", "rows", "networks")},
    **{f"{path}.test": fair for path in ("app.fair.fair_sentence", "app.fair_page.write_fair_page", *(f"app.fair_pictures.plot_{name}" for name in ("clock", "mirrored", "power", "saved", "networks")))},
    "app.fair_pictures.plot_nulls.p_values": lambda: pd.DataFrame(RNG().random((30, 2)), columns=["a", "b"]),
    "app.fair_pictures.plot_family.table": lambda: pd.DataFrame({"name": ["a", "b"], "r": 0.1, "low": 0.0, "high": 0.2, "p": 0.04}),
    "app.fair_page.write_fair_page.folder": lambda: Path("."),
    # by the name of the parameter
    "run": finding, "inputs": lambda: finding().inputs, "placebo": lambda: finding().placebo, "power": lambda: finding().power, "r2": lambda: 0.05,
    "covariates": covariates, "metrics": lambda: finding().metrics, "learning": lambda: finding().learning, "adjacency": lambda: finding().adjacency,
    "prices": prices, "frame": prices, "history": lambda: 16, "horizon": lambda: 3, "batch_size": lambda: 4, "rows": lambda: 100, "validation": lambda: 0.2, "test": lambda: 0.2,
    "scales": scales, "exchange": lambda: "XNYS", "after": lambda: "2020-01-02",
    "body": lambda: celestial_pgat.Body.SUN, "word": lambda: "row", "size": lambda: 20, "steps": lambda: 5, "config": lambda: celestial_pgat.preset("smoke"),
    "kind": lambda: type(celestial_pgat.preset("smoke")), "where": lambda: "", "folder": lambda: Path("saved"),
    "dates": lambda: DATES[:3], "rng": RNG, "day": lambda: "2020-12-21", "start": lambda: "2020-01-01", "end": lambda: "2020-02-01", "days": lambda: 3,
    "longitudes": lambda: np.linspace(0, 6, 13), "angles": lambda: np.linspace(0, 90, 5), "gap": lambda: 2.0,
    "sin_i": lambda: torch.rand(3), "cos_i": lambda: torch.rand(3), "sin_j": lambda: torch.rand(3), "cos_j": lambda: torch.rand(3),
    "astronomical": edges, "learned": edges, "dynamic": edges, "context": lambda: torch.randn(2, 3, 8), "regimes": lambda: 4,
    "d": lambda: 8, "d_context": lambda: 8, "width": lambda: 8, "heads": lambda: 2, "layers": lambda: 1, "n_nodes": lambda: 13, "body_width": lambda: 8,
    "function": lambda: lambda: torch.ones(3).sum(), "module": joined, "model": model, "gate": joined,
    "a": lambda: torch.randn(5, 8), "b": lambda: torch.randn(5, 8), "x": lambda: torch.randn(5, 8), "records": records,
    "limits": lambda: PUBLIC["fusion.records.Limits"](), "name": lambda: "first", "batch": lambda: 1,
    "cfg": lambda: celestial_pgat.preset("smoke").model, "train": lambda: celestial_pgat.preset("smoke").train, "weight_decay": lambda: 0.1,
    "steps_per_epoch": lambda: 5, "path": lambda: Path("file.jsonl"), "count": lambda: 5, "training": lambda: True, "dataset": Twice,
    "forecast": lambda: ARRAY, "truth": lambda: ARRAY, "change": lambda: ARRAY, "error": lambda: 1.0, "reference": lambda: 2.0, "changes": changes,
    "anchor": lambda: np.full(12, 7.0), "windows": lambda: 3, "low": lambda: 0.0, "high": lambda: 1.0, "level": lambda: 0.9,
    "data": windows, "table": lambda: finding().placebo, "horizon": lambda: 2, "seed": lambda: 0, "ledger": lambda: PUBLIC["app.ledger.Ledger"]({"M4": claim()}), "text": lambda: "text",
    "app.claims.rule_hash.id": lambda: "M4", "app.claims.conditions_in_words.id": lambda: "M4",
    "evaluate.significance.mean_interval.values": lambda: np.arange(6.0), "evaluate.significance.auroc.values": lambda: np.arange(4.0), "evaluate.significance.auroc.truth": lambda: np.arange(4) > 1,
    "evaluate.significance.confidence_set.losses": lambda: pd.DataFrame(np.random.default_rng(0).random((12, 3))), "evaluate.significance.confidence_set.block": lambda: 1,
    "evaluate.significance.rank_p.statistic": lambda: 0.5, "evaluate.significance.rank_p.others": lambda: np.arange(4.0), "evaluate.significance.family_p.statistics": lambda: np.random.default_rng(0).random((6, 3)),
    **{f"evaluate.significance.{name}": lambda: np.random.default_rng(0).random(12) for name in ("ewc_interval.values", "ewc_p.values", "clark_west.truth", "clark_west.plain", "clark_west.full", "diebold_mariano.differences", "superior_ability.benchmark_losses")},
    **{f"evaluate.ridge.rest_correlation.{name}": lambda: np.random.default_rng(0).random((12, 3)) for name in ("rest", "found")},
    "evaluate.significance.superior_ability.losses": lambda: np.random.default_rng(1).random((12, 2)), "evaluate.significance.superior_ability.block": lambda: 2, "evaluate.significance.superior_ability.draws": lambda: 9,
    "strength": lambda: 0.5, "noise": lambda: 0.5, "evaluate.branches.draw_world.truth": lambda: "noise", "evaluate.branches.least_error.truth": lambda: "noise", "evaluate.branches.draw_world.n": lambda: 4,
    "sees": lambda: True, "adds": lambda: True, "evaluate.branches.train_branches.plans": lambda: [{"seed": 1}], "evaluate.branches.train_branches.days": lambda: 32, "evaluate.branches.train_branches.steps": lambda: [0, 1],
    "evaluate.branches.read_branches.stack": branches, "evaluate.branches.read_branches.a": lambda: torch.randn(2, 4, 8), "evaluate.branches.read_branches.b": lambda: torch.randn(2, 4, 8), "evaluate.branches.read_branches.y": lambda: torch.randn(2, 4),
    "train.stacks.ModelStack.models": lambda: [nn.Linear(2, 1), nn.Linear(2, 1)], "train.stacks.ModelStack.rates": lambda: 0.1,
    "measured": lambda: "much", "verdict": lambda: "holds", "heading": lambda: "One loop, one batch", "sections": lambda: {"coin": {"provenance": PROVENANCE, "rows": []}}, "now": lambda: {"coin": PROVENANCE}, "provenance": lambda: PROVENANCE, "holds": lambda: True, "value": lambda: 3,
    "model.context.regime_entropy.regimes": lambda: torch.full((2, 4), 0.25),
    "graph.stocks.sector_edges.sectors": lambda: torch.arange(6) % 3 - 1, "graph.stocks.sector_blocks.sectors": lambda: torch.arange(6) % 3 - 1, "graph.stocks.need_hearing.sectors": lambda: torch.arange(6) % 3 - 1,
    "graph.stocks.correlation_edges.returns": lambda: torch.randn(6, 62), "graph.stocks.correlation_edges.listed": lambda: torch.ones(3, 6, dtype=torch.bool),
    "graph.stocks.graph_lists.hidden": lambda: 8, "lists": stock_lists, "features": lambda: 5, "history": lambda: 8, "dilation": lambda: 2, "horizons": lambda: 4,
    "model.frequency.main_part.x": lambda: torch.randn(4, 16, 2), "model.frequency.main_part.k": lambda: 3, "model.frequency.main_share.x": lambda: torch.randn(4, 16, 2),
    "model.frequency.split_window.x": lambda: torch.randn(4, 16, 2), "model.frequency.split_window.norm": lambda: "fan",
    "model.atft.rank_scores.quantiles": lambda: torch.randn(2, 6, 4, 5), "model.atft.ATFTGATFAN.cfg": rank_settings,
    "train.losses.forecast_loss.forecast": lambda: torch.randn(2, 3, 4), "train.losses.forecast_loss.target": lambda: torch.randn(2, 3, 4),
}

# --- odd arguments ---------------------------------------------------------------------------------------------------

ODD = {
    "None": None, "NaT": pd.NaT, "NaN": math.nan, "-1": -1, "0": 0, "text": "odd", "bytes": b"odd", "object": object(), "list": [1.0, 2.0], "[]": [],
    "dict": {"a": 1}, "Series": pd.Series([1.0, 2.0]), "DataFrame": pd.DataFrame({"a": [1.0, 2.0]}), "empty DataFrame": pd.DataFrame(),
    "one row": pd.DataFrame({"a": [1.0]}), "array": np.ones((3, 4)), "empty array": np.empty(0), "tensor": torch.ones(3, 4), "empty tensor": torch.empty(0),
    "Period": pd.Period("2020-01-01"), "no text": "", "moment": pd.Timestamp("2020-01-02 12:00", tz="Asia/Tokyo"), "datetime64": np.datetime64("2020-01-01"), "True": True,
}


def nearly(value) -> dict:
    """Return what is nearly right: the valid value without rows, with one row, with a NaN, or in the other library's form."""
    return cut(value) | ({"with NaN": spoilt(value)} if getattr(getattr(value, "dtype", None), "kind", "") == "f" or isinstance(value, pd.DataFrame) else {})


def spoilt(value):
    """Return a copy of a table or an array with NaN in its first row."""
    value = value.copy()
    if isinstance(value, np.ndarray):
        value[:1] = np.nan
    else:
        value.iloc[:1] = value.iloc[:1].mask(value.iloc[:1].notna(), np.nan) if isinstance(value, pd.Series) else np.nan
    return value


def cut(value) -> dict:
    """Return the valid value without rows, with one row, or in the other library's form."""
    if isinstance(value, (pd.DataFrame, pd.Series, pd.DatetimeIndex)):
        zoned = {"with zone": value.tz_localize("UTC")} if isinstance(getattr(value, "index", value), pd.DatetimeIndex) else {}
        return {"no rows": value[:0], "first row": value[:1]} | zoned
    if isinstance(value, np.ndarray):
        return {"no rows": value[:0], "first row": value[:1], "as tensor": torch.from_numpy(value) if value.dtype.kind in "fib" else None}
    if isinstance(value, Tensor):
        rows = {"no rows": value[:0], "first row": value[:1]} if value.ndim else {}
        return rows | {"as array": value.detach().numpy()}
    if isinstance(value, type):
        return {"another class": int}
    if type(value) in (list, tuple, dict):
        return {"nothing in it": type(value)()}
    return {}


def ranking(days: int = 60, kind: str = "scores"):
    """Return what a ranking of six stocks is judged by: "scores" or "labels" [D,S], "listed", or "dates"."""
    drawn = RNG().standard_normal((2, days, 6))
    return {"scores": drawn[0], "labels": drawn[1], "listed": np.ones((days, 6), bool), "dates": DATES[:days]}[kind]


def judged():
    """Return a judgement of a ranking of six stocks, two seeds, one control."""
    scores, labels = ranking(60)[..., None], ranking(60, "labels")[..., None]
    return PUBLIC["evaluate.ranking.judge_ranks"](np.stack([scores, -scores]), labels, ranking(60, "listed"), ranking(60, "dates"),
                                                  {"other": labels}, (5,))


def factors():
    """Return features and labels of six stocks."""
    values, labels = RNG().standard_normal((400, 6, 2)), RNG().standard_normal((400, 6, 4))
    return PUBLIC["data.factors.Factors"](DATES[:400], tuple("ABCDEF"), ("",) * 6, ("a", "b"), values, labels, 0.01 * values[..., 0],
                                          np.ones((400, 6), bool))


def earned():
    """Return what a portfolio of six stocks earned."""
    return PUBLIC["evaluate.portfolio.long_short"](ranking(), 0.01 * ranking(60, "labels"), ranking(60, "listed"), 2)


BUILDERS |= {
    **{f"train.ranking.{name}.{part}": value for name in ("average_ranks", "soft_ranks", "isotonic_ranks", "rank_term", "pinball_by_day") for part, value in (
        ("score", lambda: torch.randn(3, 6)), ("target", lambda: torch.randn(3, 6)), ("listed", lambda: torch.ones(3, 6, dtype=torch.bool)),
        ("values", lambda: torch.randn(3, 6)), ("forecast", lambda: torch.randn(3, 6, 3)), ("levels", lambda: torch.tensor([0.1, 0.5, 0.9])))
       if part in inspect.signature(PUBLIC[f"train.ranking.{name}"]).parameters},
    **{f"{name}.returns": lambda: 0.01 * ranking(60, "labels") for name in (
        "train.ranking.market_regimes", "train.ranking.regime_weights", "evaluate.ranking.volatility_thirds", "evaluate.portfolio.long_short")},
    **{f"{name}.window": lambda: 20 for name in ("train.ranking.market_regimes", "train.ranking.regime_weights")},
    **{f"evaluate.{name}.{part}": (lambda part: lambda: ranking(60, part))(part) for name in (
        "ranking.rank_ic", "ranking.sector_ics", "ranking.quantile_returns", "ranking.rank_autocorrelation", "ranking.top_turnover", "ranking.static_share",
        "ranking.volatility_thirds", "portfolio.rank_weights", "portfolio.long_short") for part in ("scores", "labels", "listed")
       if part in inspect.signature(PUBLIC[f"evaluate.{name}"]).parameters},
    **{f"train.ranking.{name}.listed": lambda: ranking(60, "listed") for name in ("market_regimes", "regime_weights")},
    "train.ranking.regime_weights.train": lambda: np.arange(40), "evaluate.ranking.sector_ics.sectors": lambda: ["a"] * 6,
    "evaluate.ranking.ic_mean.ic": lambda: ranking()[:, 0], "evaluate.ranking.ic_by.ic": lambda: ranking()[:, 0], "evaluate.ranking.ic_by.groups": lambda: [2019] * 60,
    "evaluate.ranking.judge_ranks.scores": lambda: ranking()[None, ..., None], "evaluate.ranking.judge_ranks.labels": lambda: ranking(60, "labels")[..., None],
    "evaluate.ranking.judge_ranks.listed": lambda: ranking(60, "listed"), "evaluate.ranking.judge_ranks.dates": lambda: ranking(60, "dates"),
    "evaluate.ranking.judge_ranks.controls": lambda: {"other": ranking()[..., None]}, "evaluate.ranking.judge_ranks.horizons": lambda: (5,),
    "evaluate.ranking.RankJudgement.dates": lambda: ranking(60, "dates"), "evaluate.ranking.RankJudgement.horizons": lambda: (5,),
    "evaluate.ranking.RankJudgement.seeds": lambda: RNG().random((2, 60, 1)), "evaluate.ranking.RankJudgement.controls": lambda: {}, "evaluate.ranking.RankJudgement.shares": lambda: {"network": 0.5},
    **{f"evaluate.ranking.{name}.judged": judged for name in ("rank_details", "ranking_words", "plot_rank_ic")}, "evaluate.ranking.plot_rank_ic.horizon": lambda: 5,
    **{f"evaluate.rank_controls.{name}.returns": lambda: 0.01 * RNG().standard_normal((400, 6)) for name in ("reversal_scores", "momentum_scores")},
    **{f"evaluate.rank_controls.{name}.{part}": (lambda part: lambda: getattr(factors(), part))(part) for name, parts in (
        ("static_scores", ("labels", "listed")), ("ridge_scores", ("values", "labels", "listed"))) for part in parts},
    **{f"evaluate.rank_controls.{name}.train": lambda: np.arange(300) for name in ("static_scores", "ridge_scores", "rank_controls")},
    **{f"evaluate.rank_controls.{name}.validation": lambda: np.arange(320, 380) for name in ("ridge_scores", "rank_controls")}, "evaluate.rank_controls.rank_controls.factors": factors,
    **{f"evaluate.portfolio.{name}.returns": lambda: 0.01 * ranking()[:, 0] for name in ("sharpe", "sharpe_interval", "probabilistic_sharpe", "deflated_sharpe")},
    "evaluate.portfolio.sharpe_interval.draws": lambda: 20, "evaluate.portfolio.expected_best.trials": lambda: 20, "evaluate.portfolio.deflated_sharpe.trials": lambda: 20,
    "evaluate.portfolio.expected_best.deviation": lambda: 0.5, **{f"evaluate.portfolio.{name}.portfolio": earned for name in ("portfolio_table", "plot_equity")},
    "evaluate.portfolio.plot_equity.dates": lambda: ranking(60, "dates"), **{f"evaluate.portfolio.LongShort.{name}": lambda: np.zeros(30) for name in ("gross", "turnover")},
    "evaluate.portfolio.LongShort.first": lambda: 2, "evaluate.portfolio.LongShort.held": lambda: 2.0, "evaluate.portfolio.LongShort.horizon": lambda: 5,
    **{f"evaluate.ranking.IcMean.{name}": lambda: 0.1 for name in ("mean", "low", "high", "deviation")}, **{f"evaluate.ranking.IcMean.{name}": lambda: 20 for name in ("days", "horizon", "freedom")},
}


def build(path: str, parameter: inspect.Parameter):
    """Return a valid value for a parameter; KeyError if no builder is known."""
    for key in (f"{path}.{parameter.name}", parameter.name):
        if key in BUILDERS:
            return BUILDERS[key]()
    raise KeyError(f"no builder makes {parameter.name!r} of {path}: add one to BUILDERS")


def holds_nan(value) -> bool:
    """Say whether a result has a NaN somewhere."""
    if isinstance(value, (float, np.floating)):
        return math.isnan(value)
    if isinstance(value, (Tensor, np.ndarray)):
        return bool((value != value).any()) if getattr(value.dtype, "kind", "f") != "O" else False
    if isinstance(value, (pd.DataFrame, pd.Series)):
        return any(holds_nan(part) for part in np.asarray(value, object).ravel().tolist())
    if isinstance(value, dict):
        return any(map(holds_nan, value.values()))
    return any(map(holds_nan, value)) if isinstance(value, (list, tuple)) else False


class Hung(BaseException):
    """Tell that a call does not come back."""


@contextmanager
def guard():
    """Break a call off that takes far longer than any."""
    def stop(*_): raise Hung(f"no answer after {HANG} seconds")
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(HANG)
    try:
        yield
    finally:
        signal.alarm(0)


def call(thing, arguments: dict):
    """Call `thing` and return what it gives; a context manager is entered and left."""
    torch.default_generator.manual_seed(0)              # torch.manual_seed keeps the stack in words where there is no GPU
    ahead = [name for name, one in inspect.signature(thing).parameters.items() if one.kind is one.POSITIONAL_ONLY and name in arguments]
    with guard():
        found = thing(*(arguments[name] for name in ahead), **{name: value for name, value in arguments.items() if name not in ahead})
        if inspect.isgenerator(found):                  # which does nothing before it is asked
            found = list(found)
        if isinstance(found, AbstractContextManager) and not isinstance(thing, type):
            with found:
                pass
    return found


def fault(thing, arguments: dict, may_be_nan: bool) -> str | None:
    """Return what is wrong with the answer to these arguments, or None."""
    try:
        found = call(thing, arguments)
        return "returns NaN" if holds_nan(found) and not may_be_nan else None
    except (Exception, Hung) as error:
        return flaw(error)
    finally:
        plt.close("all")


def flaw(error: BaseException) -> str | None:
    """Return what is wrong with an error, or None for a sentence of our own."""
    frame = error.__traceback__
    while frame.tb_next is not None:
        frame = frame.tb_next
    file, line = Path(frame.tb_frame.f_code.co_filename), linecache.getline(frame.tb_frame.f_code.co_filename, frame.tb_lineno)
    ours = file.is_relative_to(PACKAGE) and "raise" in line.split("#")[0].split('"')[0]
    kinds = (ValueError, TypeError, KeyError, FileNotFoundError, FileExistsError, RuntimeError, FloatingPointError)
    if ours and isinstance(error, kinds) and 20 <= len(str(error)) <= 600:
        return None
    return f"{type(error).__name__} from {file.name}:{frame.tb_lineno}: {str(error)[:150]}"


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """Work in a folder of its own, and without the shape checks of the other tests: users do not have them."""
    monkeypatch.chdir(tmp_path)
    for module in ("app.ledger", "app.laboratory"):    # the checkout's own ledger is not touched
        monkeypatch.setattr(import_module(f"celestial_pgat.{module}"), "ledger_path", lambda: tmp_path / "claims.json")
    shape_checks.update("jaxtyping_disable", True)
    yield
    shape_checks.update("jaxtyping_disable", False)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", [path for path in PUBLIC if path not in INNER and path not in SKIP])
def test_odd_arguments_are_answered(path):
    thing = PUBLIC[path]
    parameters = {name: one for name, one in inspect.signature(thing).parameters.items()
                  if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)}
    valid = {name: build(path, one) for name, one in parameters.items() if one.default is one.empty or f"{path}.{name}" in BUILDERS}
    may_be_nan = holds_nan(call(thing, valid)) or path in MAY_BE_NAN
    faults = []
    for name in parameters:
        for word, odd in (ODD | nearly(valid.get(name))).items():
            if odd is parameters[name].default:         # which is not odd; a builder may give less, to be quick
                continue
            if (found := fault(thing, {key: build(path, parameters[key]) for key in valid if key != name} | {name: odd}, may_be_nan)) is not None:
                faults.append(f"{name}={word}: {found}")
    assert not faults, "\n".join([f"{len(faults)} odd arguments get no sentence of {path}:", *faults])


REFUSED = [                                            # what is skipped above refuses these before any work
    *((f"app.search_command.{name}", odd, sentence) for name in ("rank_search", "forecast_search") for odd, sentence in (
        (dict(data=7), f"{name}: data is an int"), (dict(trials=0), "trials=0 is too small"), (dict(trials=1.5), "trials is a float"), (dict(jobs=0), "jobs=0 is too small"),
        (dict(resume="nowhere", seed=1), "goes on as it began"), (dict(resume="nowhere"), "there is no search in nowhere"), (dict(storage=7), "storage is an int"), (dict(overrides=["model.d"]), "is not of the form key=value"))),
    ("app.search_command.best_settings", dict(folder=7), "folder is an int"), ("app.search_command.best_settings", dict(folder="nowhere"), "there is no search in nowhere"),
    ("app.search_command.monitor", dict(folder=7), "folder is an int"), ("app.search_command.monitor", dict(folder="nowhere"), "there is no search in nowhere"),
    ("app.search_command.monitor", dict(folder="nowhere", watch=0), "watch=0 is no number of seconds"),
    ("core.controls.controlled", dict(draw=7), "draw is an int"), ("core.controls.controlled", dict(play=None), "play is None"),
    ("core.controls.controlled", dict(turns=3), "turns is an int"), ("core.controls.controlled", {}, "there is no control"),
    ("train.pretrain.pretrain", dict(cfg=None), "pretrain: cfg is None"), ("train.pretrain.pretrain", dict(data=7), "pretrain: data is an int"), ("train.pretrain.pretrain", dict(folder=7), "pretrain: folder is an int"),
    ("train.pretrain.pretrain", dict(progress=None), "pretrain: progress is None"), ("train.pretrain.pretrain", dict(resume=7), "pretrain: resume is an int"), ("train.pretrain.pretrain", dict(), "asks for no pretraining"),
    ("train.loop.fit", dict(cfg=None), "fit: cfg is None; it must be a Config"), ("train.loop.fit", dict(data=7), "fit: data is an int"),
    ("train.loop.fit", dict(folder=7), "fit: folder is an int"), ("train.loop.fit", dict(model="x"), "fit: model is a str"),
    ("train.loop.fit", dict(resume=7), "fit: resume is an int"), ("train.loop.fit", dict(resume="nowhere"), "no state of a run at nowhere"),
    ("train.loop.fit", dict(progress=None), "fit: progress is None"), ("train.loop.fit", dict(callbacks=[7]), "fit: callbacks is a list"),
    ("core.threads.limit_threads", dict(n=0), "n=0 is too small"), ("core.threads.limit_threads", dict(n="1"), "n is of type str"),
    ("train.search.run_search", dict(folder=7), "run_search: folder is an int"), ("train.search.run_search", dict(folder="nowhere"), "there is no search in nowhere"), ("train.search.run_search", dict(objective=None), "run_search: objective is None"),
    ("train.search.run_search", dict(trials=0), "trials=0 is too small"), ("train.search.run_search", dict(trials=1.5), "run_search: trials is a float"), ("train.search.run_search", dict(progress=None), "run_search: progress is None"),
    ("evaluate.stress.stress_test", dict(model=7), "stress_test: model is an int"), ("evaluate.stress.stress_test", dict(model=[]), "model is empty"),
    ("evaluate.stress.stress_test", dict(model=[7]), "stress_test: model is a list"), ("evaluate.stress.stress_test", dict(data=None), "stress_test: data is None"),
    ("evaluate.stress.stress_test", dict(seed=-1), "seed=-1 is too small"), ("evaluate.stress.stress_test", dict(name=""), "is no name of a model"),
    ("evaluate.stress.stress_test", dict(name="random walk"), "is no name of a model"), ("evaluate.stress.stress_test", dict(unit=7), "stress_test: unit is an int"),
    ("evaluate.stress.stress_test", dict(batch_size=0), "batch_size=0 is too small"), ("evaluate.stress.stress_test", dict(progress=None), "stress_test: progress is None"),
    ("app.rank_command.rank_run", dict(data=5), "rank_run: data is an int"), ("app.rank_command.rank_run", dict(base="big"), "no preset of the ranking is called 'big'"),
    ("app.rank_command.rank_run", dict(data="absent.csv"), "no file or folder 'absent.csv'|no file or folder '.*absent.csv'"), ("app.rank_command.rank_run", dict(seed=-1), "seed=-1"),
    ("app.rank_command.rank_run", dict(overrides="model.d=8"), "overrides is a str"), ("app.rank_command.rank_run", dict(resume="nowhere"), "not the folder of a ranking"),
    ("app.rank_command.rank_run", dict(progress=None), "progress is None"), ("app.rank_command.rank_run", dict(output=None), "output is None"),
    ("app.rank_command.rank_forecast", dict(model=7), "model is an int"), ("app.rank_command.rank_forecast", dict(model="nowhere"), "not the folder of a ranking"),
    ("app.commands.run", dict(data=5), "data is of type int"), ("app.commands.run", dict(data=pd.DataFrame()), "data is of type DataFrame"),
    ("app.commands.run", dict(config=["a.yaml"]), "config is of type list"), ("app.commands.run", dict(overrides="model.d=96"), "overrides is of type str"),
    ("app.commands.run", dict(overrides=[1.0]), r"overrides\[0\] is of type float"), ("app.commands.run", dict(base=None), "base is of type NoneType"),
    ("app.commands.run", dict(base="small"), "small"), ("app.commands.run", dict(seed="odd"), "seed is of type str"), ("app.commands.run", dict(seed=True), "seed is of type bool"),
    ("app.commands.run", dict(output=None), "output is of type NoneType"), ("app.commands.run", dict(data="absent.csv"), "absent.csv"),
    ("app.training.train", dict(data=5), "data is of type int"), ("app.training.train", dict(base="small"), "small"), ("app.training.train", dict(name=7), "name is of type int"),
    ("app.training.train", dict(output=None), "output is of type NoneType"), ("app.training.train", dict(dry_run=None), "dry_run is of type NoneType"),
    ("app.training.train", dict(devices=0), "devices=0 is too small"), ("app.training.train", dict(nodes="2"), "nodes is of type str"), ("app.training.train", dict(strategy=2), "strategy is of type int"),
    ("app.training.train", dict(overrides="model.d=96"), "overrides is of type str"), ("app.training.train", dict(data="absent.csv"), "absent.csv"),
    ("app.training.train", dict(progress=None), "progress is of type NoneType"), ("app.training.train", dict(command=None), "command is of type NoneType"),
    ("app.training.resume", dict(folder=None), "folder is of type NoneType"), ("app.training.resume", dict(folder="nowhere"), "there is no folder nowhere"),
    ("app.training.resume", dict(output=7), "output is of type int"), ("app.training.resume", dict(name=7), "name is of type int"), ("app.training.resume", dict(devices=-1), "devices=-1 is too small"),
    ("app.training.evaluate_folder", dict(folder=7), "folder is of type int"), ("app.training.evaluate_folder", dict(folder="nowhere"), "there is no folder nowhere"),
    ("app.training.stress_folder", dict(folder=7), "folder is of type int"), ("app.training.stress_folder", dict(seed=-1), "seed=-1 is too small"),
    ("app.training.stress_folder", dict(seed="x"), "seed is of type str"),
    ("app.cli.main", dict(arguments=7), "arguments is of type int"), ("app.cli.main", dict(arguments="report"), "arguments is of type str"),
    ("app.cli.main", dict(arguments=["report", 7]), r"arguments\[1\] is of type int"),
    ("app.commands.rebuild", dict(folder=None), "folder is of type NoneType"), ("app.commands.rebuild", dict(folder="nowhere"), "nowhere is not the folder of a finished run"),
    ("app.jobs.train_jobs", dict(jobs=None), "train_jobs: jobs is None"), ("app.jobs.train_jobs", dict(jobs=[]), "jobs is empty"),
    ("app.jobs.train_jobs", dict(workers=0), "wanted=0 is too small"), ("app.jobs.train_jobs", dict(workers="all"), "train_jobs: workers is a str"),
    ("app.jobs.train_jobs", dict(jobs=[7]), "train_jobs: jobs is a list"), ("app.jobs.train_jobs", dict(progress=None), "train_jobs: progress is None"),
    ("app.commands.run", dict(arms="true,maybe"), "there is no arm 'maybe'"), ("app.commands.run", dict(arms=None), "arms is of type NoneType"),
    ("app.commands.run", dict(power=6), "power=6 is no number of planted signals"), ("app.commands.run", dict(power="1"), "power is of type str"),
    ("app.commands.run", dict(jobs=0), "jobs=0 is too small"), ("app.commands.run", dict(covariates=7), "covariates is of type int"),
    ("app.commands.run", dict(known=["load"]), "known is of type list"), ("app.commands.run", dict(known="load"), "there are none"),
    ("app.commands.run", dict(sky=None), "sky is of type NoneType"), ("app.commands.run", dict(sky=False), "leave nothing to compare"),
    ("app.fair.fair_test", dict(prices=None), "fair_test: prices is None"), ("app.fair.fair_test", dict(exogenous=7), "fair_test: exogenous is an int"),
    ("app.fair.fair_test", dict(settings={}), "fair_test: settings is a dict"), ("app.fair.fair_test", dict(exchange="MOON"), "unknown exchange 'MOON'"),
    ("app.fair.fair_test", dict(starts=[]), "starts is empty"), ("app.fair.fair_test", dict(starts=["odd"]), "begins on no date"), ("app.fair.fair_test", dict(known="lode"), "is about the columns of a table"),
    ("app.fair.fair_test", dict(output=7), "fair_test: output is an int"), ("app.fair.fair_test", dict(workers=0), "workers=0 is too small"), ("app.fair.fair_test", dict(progress=None), "fair_test: progress is None"),
    ("app.fair_command.run_fair_test", dict(data=5), "run_fair_test: data is an int"), ("app.fair_command.run_fair_test", dict(data="absent.csv"), "absent.csv"),
    ("app.fair_command.run_fair_test", dict(horizon=0), "horizon=0 is too small"), ("app.fair_command.run_fair_test", dict(horizon=10**4), "a horizon of 10000 leave"), ("app.fair_command.run_fair_test", dict(jobs=-1), "jobs=-1 is too small"),
    ("app.fair_command.run_fair_test", dict(overrides="data.decimal=,"), "run_fair_test: overrides is a str"), ("app.fair_command.run_fair_test", dict(overrides=[7]), "run_fair_test: overrides is a list"),
    ("app.fair_command.run_fair_test", dict(known="load"), "there are none"), ("app.fair_command.run_fair_test", dict(seed=-1), "seed=-1 is too small"), ("app.fair_command.run_fair_test", dict(backend="odd"), "no backend 'odd'"),
    ("app.fair_command.run_fair_test", dict(output=None), "run_fair_test: output is None"), ("app.fair_command.run_fair_test", dict(exchange="MOON"), "unknown exchange 'MOON'"),
    ("app.report.execute", dict(notebook=None), "execute: notebook is None"), ("app.report.execute", dict(notebook={}), "execute: notebook is a dict"),
    ("app.report.execute", dict(folder=7), "execute: folder is an int"), ("app.report.execute", dict(folder="nowhere"), "nowhere"),
    ("app.report.execute", dict(timeout=0), "timeout=0 is too small"), ("app.report.execute", dict(timeout="long"), "execute: timeout is a str"),
    ("app.report.write_report", dict(folder=None), "write_report: folder is None"), ("app.report.write_report", dict(folder=7), "write_report: folder is an int"),
    ("app.report.write_report", dict(folder="nowhere"), "nowhere is not the folder of a finished run"),
]
WORKING = {"train.pretrain.pretrain": lambda: dict(cfg=smallest_ranking(), data=stock_data(), folder="pretrained", progress=False),
           "core.controls.controlled": lambda: dict(draw=lambda turns: pd.DataFrame([turns])),
           "train.loop.fit": lambda: dict(cfg=celestial_pgat.preset("smoke"), data=windows(), folder="trained", progress=False),
           "evaluate.stress.stress_test": lambda: dict(model=model(), data=windows(), progress=False),
           "app.fair.fair_test": lambda: dict(prices=prices("2019-12-31"), exogenous=flat_sky, settings=fair_settings(horizon=2), starts=["2019-09"], output="asked", workers=1, progress=False),
           "app.fair_command.run_fair_test": lambda: dict(data=str(written("year.csv", prices("2019-12-31").to_csv())), sky=True, output="asked", jobs=1, progress=False),
           "app.commands.run": lambda: dict(data=str(written("years.csv", prices("2020-12-31").to_csv()))),
           "app.jobs.train_jobs": lambda: dict(jobs=[job()], progress=False),
           **{f"app.training.{name}": lambda: dict(folder="nowhere") for name in ("resume", "evaluate_folder", "stress_folder")},
           "train.search.run_search": lambda: dict(folder="nowhere", objective=lambda trial, path: 1.0, trials=1),
           "app.report.execute": lambda: dict(notebook=import_module("nbformat.v4").new_notebook(), folder=".")}


@pytest.mark.parametrize("path, odd, sentence", REFUSED, ids=[f"{path}-{'-'.join(odd)}-{number}" for number, (path, odd, _) in enumerate(REFUSED)])
def test_what_works_long_refuses_odd_arguments_first(path, odd, sentence, tmp_path):
    with pytest.raises((TypeError, ValueError, OSError), match=sentence) as error:
        call(PUBLIC[path], WORKING.get(path, dict)() | odd)
    assert flaw(error.value) is None
    assert not [path for path in tmp_path.rglob("*") if path.is_dir()], "nothing was begun"


SIZES = {"d_context": 8, "d": 8, "width": 8, "layers": 1, "n_state": 32, "heads": 2, "sizes": [2, 1], "kind": "normed", "horizon": 3, "components": 2,
         "features": 5, "history": 8, "dilation": 2, "horizons": 4, "lists": stock_lists()}
WHOLE = ("model.pgat.CelestialPGAT", "model.atft.ATFTGATFAN")    # built from a configuration
FORWARD = {                                            # modules that a user calls, with valid inputs
    "fusion.gate.FusionGate": lambda: dict(a=torch.randn(2, 5, 8), b=torch.randn(2, 5, 8)),
    "fusion.starts.DocumentsStart": lambda: dict(market=torch.randn(5, 8)), "fusion.starts.StreamLayer": lambda: dict(x=torch.randn(5, 8)),
    "graph.phase.PhaseAwareCelestialProcessor": lambda: dict(waves=torch.randn(2, 3, 113), pairs=torch.rand(2, 3, 78, 5)),
    "graph.aggregator.CelestialWaveAggregator": lambda: dict(waves=torch.randn(2, 3, 113)),
    "graph.nodes.CelestialBodyNodes": lambda: dict(states=torch.randn(2, 3, 13, 32), pairs=torch.rand(2, 3, 78, 5), context=torch.randn(2, 3, 8)),
    "graph.learners.GraphLearners": lambda: dict(features=torch.randn(2, 3, 13, 8), context=torch.randn(2, 3, 8)),
    "graph.combiner.CelestialGraphCombiner": lambda: dict(astronomical=edges(), learned=edges(), dynamic=edges(), context=torch.randn(2, 3, 8), regime=None),
    "graph.edge_tokens.EdgeTokenCombiner": lambda: dict(astronomical=edges(), learned=edges(), dynamic=edges(), context=torch.randn(2, 3, 8), regime=None),
    "graph.attention.AdjacencyAwareGraphAttention": lambda: dict(nodes=torch.randn(2, 3, 13, 8), adjacency=edges(), mask=None),
    "graph.encoding.JointSpatioTemporalEncoding": lambda: dict(nodes=torch.randn(2, 3, 13, 8), adjacency=torch.randn(13, 13)),
    "graph.encoding.DynamicJointSpatioTemporalEncoding": lambda: dict(nodes=torch.randn(2, 3, 13, 8), adjacency=edges()),
    "model.context.SoftRegimes": lambda: dict(context=torch.randn(2, 3, 8), state=torch.randn(2, 3, 2)),
    "model.covariates.CovariateStates": lambda: dict(covariates=torch.randn(2, 3, 3)),
    "model.covariates.PartitionedInteraction": lambda: dict(stream=torch.randn(2, 3, 8), bodies=torch.randn(2, 3, 13, 8), adjacency=edges()),
    "model.mapper.HierarchicalTemporalSpatialMapper": lambda: dict(bodies=torch.randn(2, 5, 13, 8), history=torch.randn(2, 3, 8)),
    "model.mapper.CelestialToTargetAttention": lambda: dict(decoded=torch.randn(2, 3, 8), bodies=torch.randn(2, 3, 13, 8), adjacency=edges()),
    "model.autocorrelation.AutocorrelationStream": lambda: dict(history=torch.randn(2, 3, 8), past_target=torch.randn(2, 3, 4)),
    "model.autocorrelation.ForecastBodyAttention": lambda: dict(decoded=torch.randn(2, 3, 8), bodies=torch.randn(2, 3, 13, 8)),
    "model.heads.MixtureDensityDecoder": lambda: dict(x=torch.randn(2, 3, 8)),
    "model.heads.SequentialMixtureDensityDecoder": lambda: dict(x=torch.randn(2, 3, 8), parts=torch.randn(2, 3, 4)),
    "graph.stocks.StockAttention": lambda: dict(states=torch.randn(2, 6, 8), edges=torch.rand(2, 2, 6, 6), listed=torch.rand(2, 6) > 0.3),
    "model.selection.GatedResidual": lambda: dict(x=torch.randn(2, 3, 8)), "model.selection.VariableSelection": lambda: dict(x=torch.randn(2, 3, 5)),
    "model.selection.CausalConvolution": lambda: dict(x=torch.randn(2, 9, 8)),
    "model.selection.LastStepAttention": lambda: dict(last=torch.randn(2, 3, 8), steps=torch.randn(2, 10, 8)),
    "model.selection.HistoryEncoder": lambda: dict(steps=torch.randn(2, 10, 8)), "model.frequency.FrequencyNorm": lambda: dict(windows=torch.randn(2, 6, 8, 5)),
    "model.atft.QuantileHead": lambda: dict(x=torch.randn(2, 3, 8)),
    "model.pgat.CelestialPGAT": lambda: dict(batch=batch()), "model.atft.ATFTGATFAN": lambda: dict(batch=days_batch()),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", FORWARD)
def test_odd_inputs_of_a_module_are_answered(path):
    thing = PUBLIC[path]
    chosen = SIZES | {"cfg": rank_settings() if path == "model.atft.ATFTGATFAN" else celestial_pgat.preset("smoke").model}
    module = thing(**{name: chosen[name] for name in inspect.signature(thing).parameters if name in chosen})
    inputs = FORWARD[path]()
    call(module.forward, inputs)
    faults = [f"{name}={word}: {found}" for name in inputs for word, odd in (ODD | cut(inputs[name])).items()
              if not (odd is None and inputs[name] is None) and (found := fault(module.forward, inputs | {name: odd}, False)) is not None]
    assert not faults, "\n".join([f"{len(faults)} odd inputs get no sentence of {path}:", *faults])


def test_empty_batches_pass_through():
    for path, inputs in FORWARD.items():
        if path not in (*WHOLE, "graph.stocks.StockAttention"):    # whose days without rows would be without stocks
            thing = PUBLIC[path]
            module = thing(**{name: SIZES[name] for name in inspect.signature(thing).parameters if name in SIZES})
            none = {name: value[:0] if isinstance(value, Tensor) and value.ndim > 2 else value for name, value in inputs().items()}
            module(**none)


def test_lists_name_what_exists():
    listed = {*INNER, *SKIP, *MAY_BE_NAN, *FORWARD, *WORKING}
    assert listed <= PUBLIC.keys(), sorted(listed - PUBLIC.keys())
    assert SKIP.keys() == {path for path, _, _ in REFUSED}
    walked = {path: inspect.signature(thing).parameters for path, thing in PUBLIC.items() if path not in INNER and path not in SKIP}
    known = {name for parameters in walked.values() for name in parameters} | {f"{path}.{name}" for path in walked for name in walked[path]}
    assert BUILDERS.keys() <= known, f"builders of nothing: {sorted(BUILDERS.keys() - known)}"


def test_walk_is_not_blind():
    def silent(count: int) -> float: return float("nan") if count == 0 else 1.0
    def foreign(table: pd.DataFrame): return table["a"]
    assert fault(silent, {"count": 0}, False) == "returns NaN" and fault(silent, {"count": 1}, False) is None
    assert "KeyError" in fault(foreign, {"table": pd.DataFrame()}, False)
    assert fault(PUBLIC["core.checks.need_counts"], {"least": "one"}, False) is None
