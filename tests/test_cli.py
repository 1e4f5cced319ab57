"""The command line, end to end, as a person uses it: real data, the smoke preset, one run shared by all."""
import json
import os
import re
import shutil

import nbformat
import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.usefixtures("few_tables")


def test_run_prints_the_table_and_names_the_report(finished):
    folder, printed = finished
    for text in ["the best reference", "random walk", "training median", "scaled candle", "without sky", "with sky", "always up", "MSE",
                 "MAE", "skill", "direction", "Power not measured", "the next sessions", "2019-01-04", str(folder / "report.html")]:
        assert text in printed


def test_run_keeps_its_configuration_and_seed(finished):
    config = json.loads((finished[0] / "with_sky" / "config.json").read_text())["configuration"]
    assert (config["model"]["d"], config["model"]["use_sky"], config["seed"]) == (24, True, 7)
    blind = json.loads((finished[0] / "without_sky" / "config.json").read_text())["configuration"]
    inputs = ("use_sky", "use_covariates")
    assert not any(blind["model"].pop(name) for name in inputs) and all(config["model"].pop(name) for name in inputs)
    assert blind == config


def test_metrics_of_the_random_walk_are_those_of_the_last_close(finished, table):
    prices = pd.read_csv(table, index_col=0)
    stored = json.loads((finished[0] / "metrics.json").read_text())
    rows, horizon, history = len(prices), 3, 16
    first = rows - int(round(rows * 0.15)) + history - 1   # last history row of the first test window
    origins = np.arange(first, rows - horizon)
    close = prices["Close"].to_numpy()
    errors = [np.abs(close[origins + step] - close[origins]) for step in range(1, horizon + 1)]
    assert stored["windows"] == len(origins)
    assert stored["price"]["random walk"]["Close"]["mae"] == pytest.approx(np.mean(errors), rel=1e-5)


def test_report_is_complete_and_offline(finished):
    folder, _ = finished
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64") == 11 and page.count("<details") == 8
    first = page[page.index("<body>"):page.index("<details")]
    assert all(text in first for text in ("the best reference", "The next sessions", "2019-01-04", "What each input is worth"))
    assert "<script src=\"http" not in page and "@import url(http" not in page
    cells = json.loads((folder / "report.ipynb").read_text())["cells"]
    assert not [o for cell in cells for o in cell.get("outputs", []) if o["output_type"] == "error"]


def test_a_report_is_executed_in_a_kernel_of_its_own(finished, tmp_path, call):
    """Its cells run in the folder of the run, and their outputs come onto the page."""
    folder = shutil.copytree(finished[0], tmp_path / "copy")
    cell = nbformat.v4.new_code_cell("import os, pathlib\nprint(f'process {os.getpid()}', *sorted(path.name for path in pathlib.Path().glob('m*')))")
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A short report"), cell]), tmp_path / "short.ipynb")
    done = call("report", folder, "--template", tmp_path / "short.ipynb")
    assert done.returncode == 0 and done.stdout == f"report: {folder / 'report.html'}\n", done.stderr
    (number,) = re.findall(r"process (\d+) metrics.json", (folder / "report.html").read_text(encoding="utf-8"))
    assert int(number) != os.getpid()


def test_what_was_assumed_is_printed_and_reported(finished):
    folder, printed = finished
    assert "note: not used: VIX" in printed.splitlines()
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "What was read" in page and "not used: VIX" in page


def test_rows_out_of_order_are_sorted_with_a_note(table, tmp_path, finished, call):
    pd.read_csv(table).sample(frac=1, random_state=0).to_csv(tmp_path / "mixed.csv", index=False)
    done = call("forecast", "--model", finished[0], "--data", tmp_path / "mixed.csv")
    assert done.stdout == call("forecast", "--model", finished[0]).stdout and "note: the rows were not in order" in done.stderr


def test_report_shows_where_the_streams_meet(finished):
    folder, _ = finished
    seen = pd.read_csv(folder / "fusion.csv")
    assert set(seen["point"]) == {"fusion", "embed_history.fusion", "embed_horizon.fusion"}
    assert seen.groupby("point")["gate_mean"].count().eq(0).to_dict() == {"fusion": False, "embed_history.fusion": True, "embed_horizon.fusion": False}
    assert "Where two streams meet" in (folder / "report.html").read_text(encoding="utf-8")


def test_forecast_prints_the_next_sessions(finished, call):
    done = call("forecast", "--model", finished[0])
    assert done.returncode == 0, done.stderr
    assert [day for day in ("2019-01-02", "2019-01-03", "2019-01-04") if day in done.stdout] == ["2019-01-02", "2019-01-03", "2019-01-04"]
    assert "2019-01-01" not in done.stdout, "New Year is no session"


@pytest.mark.parametrize("arguments, message", [
    (["--set", "model.d=17"], "nearest valid widths are 16 or 18"),
    (["--set", "model.width=16"], "model.width"),
    (["--set", "model.celestial_fusion.strategy=blend"], "gated_addition"),
    (["--set", "model.d"], "key=value"),
    (["--preset", "big"], "smoke"),
    (["--data", "absent.csv"], "absent.csv"),
    (["--data", "sp5000"], "sp500"),
    (["--config", "absent.yaml"], "absent.yaml"),
    (["--seed", "99999999999"], "seed=99999999999 is not allowed"),
])
def test_wrong_arguments_are_refused_before_any_work(arguments, message, tmp_path, call):
    done = call("run", "--preset", "smoke", "--output", tmp_path / "runs", *arguments)
    assert done.returncode == 2 and message in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "runs").exists()


def spoil(frame: pd.DataFrame, fault: str) -> pd.DataFrame:
    """Return the table with one fault in row 100."""
    frame = frame.copy()
    if fault == "NaN":
        frame.iloc[100, 3] = np.nan
    elif fault == "High":
        frame.iloc[100, 1] = frame.iloc[100, 2] - 1
    elif fault == "positive":
        frame.iloc[100, 2] = -1.0
    elif fault == "duplicate":
        frame.index = frame.index[:100].append(frame.index[99:100]).append(frame.index[101:])
    elif fault == "2053":
        frame.index = frame.index + pd.DateOffset(years=40)
    elif fault == "rows":
        frame = frame.iloc[:20]
    elif fault == "Close":
        frame = frame.drop(columns="Close")
    return frame


@pytest.mark.parametrize("fault, message", [
    ("NaN", "Close nan on"), ("High", "High"), ("positive", "positive"), ("duplicate", "has 2 rows"),
    ("2053", "2053"), ("rows", "rows are too few"), ("Close", "Close"),
])
def test_bad_data_is_refused_before_any_work(fault, message, table, tmp_path, call):
    spoil(pd.read_csv(table, index_col=0, parse_dates=True), fault).to_csv(tmp_path / "bad.csv")
    done = call("run", "--preset", "smoke", "--data", tmp_path / "bad.csv", "--output", tmp_path / "runs")
    assert done.returncode == 2 and message in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "runs").exists()


def test_inspect_tells_of_a_run_and_of_its_models(finished, call):
    run, model = (call("inspect", folder) for folder in (finished[0], finished[0] / "with_sky"))
    assert run.returncode == model.returncode == 0, run.stderr + model.stderr
    for words in ("a comparison, finished; with_sky, without_sky", "with sky, seed 7: 2 epochs", "d: 24   # smoke: 16", "the metrics of 18 test windows",
                  "what is on disk now is the same", "with: celestial-pgat run"):
        assert words in run.stdout, words
    assert "a saved model" in model.stdout and "d: 24" in model.stdout
    for command in ("resume", "evaluate", "stress"):
        done = call(command, finished[0])
        assert done.returncode == 2 and "holds a comparison of several models" in done.stderr


def test_truncated_model_is_refused(finished, tmp_path, call):
    copy = shutil.copytree(finished[0] / "with_sky", tmp_path / "model")
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:500])
    done = call("forecast", "--model", copy)
    assert done.returncode == 2 and "model.safetensors" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("key", ["model.d=24", "seed=3", "data.exchnge=XNAS", "data.hour=x"])
def test_a_forecast_takes_what_concerns_the_data_only(key, finished, call):
    done = call("forecast", "--model", finished[0], "--set", key)
    assert done.returncode == 2 and key.split("=")[0].split(".")[-1] in done.stderr


def test_a_forecast_takes_another_calendar(finished, call):
    forecast = ["forecast", "--model", finished[0], "--set", "data.exchange=XTKS"]
    refused = call(*forecast)
    assert refused.returncode == 2 and "exchange=XNYS" in refused.stderr, "the rows are those of New York"
    done = call(*forecast, "--set", "data.accept=foreign_days,missing_sessions")
    assert done.returncode == 0 and "2019-01-04" in done.stdout and "2019-01-02" not in done.stdout
    assert "note: accepted (foreign_days)" in done.stderr


def test_what_is_printed_fits_a_terminal(finished, call):
    helps = [call(*name, "--help").stdout for name in ([], ["run"], ["train"], ["resume"], ["evaluate"], ["stress"], ["inspect"], ["forecast"], ["report"])]
    assert all("example" in text and "exit status" in text for text in helps)
    ahead = call("forecast", "--model", finished[0]).stdout
    lines = [line for text in [finished[1], ahead, *helps] for line in text.splitlines()
             if not line.startswith(("report: ", "note: ", "  torchrun")) and " epochs in " not in line]     # a note is one line
    assert len(lines) > 40 and [line for line in lines if len(line) > 80] == []


def test_the_version(call):
    import celestial_pgat
    done = call("--version")
    assert (done.returncode, done.stdout) == (0, f"celestial-pgat {celestial_pgat.__version__}\n")


@pytest.mark.parametrize("seeds, seed", [("0", 1), ("-1", 1), ("1001", 1), ("many", 1), ("2", 2**32 - 1)])
def test_a_wrong_number_of_seeds_is_refused(seeds, seed, table, tmp_path, call):
    done = call("run", "--preset", "smoke", "--data", table, "--output", tmp_path / "runs", "--seeds", seeds, "--seed", seed)
    assert done.returncode == 2 and "seed" in done.stderr and not (tmp_path / "runs").exists()


def test_the_printed_forecast_is_that_of_the_command(finished, call):
    folder, printed = finished
    ahead = call("forecast", "--model", folder).stdout.splitlines()
    assert set(ahead[2:]) <= set(printed.splitlines())


def test_several_seeds_are_trained_and_their_spread_is_told(finished, table, tmp_path, call, monkeypatch):
    """The first seed's models do not depend on how many follow, nor on whether the fusion is looked at."""
    from celestial_pgat.app import report
    monkeypatch.setattr(report, "execute", lambda notebook, folder: notebook)
    done = call("run", "--preset", "smoke", "--data", table, "--output", tmp_path, "--seed", 7, "--seeds", 2, "--arms", "true", "--set", "model.d=24",
                "--set", "data.batch_size=50", "--set", "model.encoder_calendar_fusion.strategy=film")
    assert done.returncode == 0, done.stderr
    (folder,) = tmp_path.iterdir()
    stored = json.loads((folder / "metrics.json").read_text())
    assert all(len(one["by_seed"]) == 2 for one in stored["comparisons"])
    assert "trained with 2 seeds" in stored["verdict"] and "standard deviation" in stored["verdict"]
    for name in ("with_sky", "with_sky_seed_8"):
        seed = json.loads((folder / name / "config.json").read_text())["configuration"]["seed"]
        assert seed == (8 if name.endswith("8") else 7)
    ahead = call("forecast", "--model", folder).stdout.splitlines()[2:]
    assert len(ahead) == 3 and set(ahead) <= set(done.stdout.splitlines()), "both are the mean of the seeds"
    with np.load(finished[0] / "forecasts.npz") as one, np.load(folder / "forecasts.npz") as two:
        np.testing.assert_array_equal(one["forecast/with sky"][0], two["forecast/with sky"][0])
        assert not np.array_equal(*two["forecast/with sky"])
    (folder / "with_sky_seed_8" / "config.json").unlink()      # as where the second seed was stopped
    assert call("forecast", "--model", folder).stdout == call("forecast", "--model", folder / "with_sky").stdout


def test_a_market_that_stands_still_in_the_test_is_judged_in_words(tmp_path, call, monkeypatch):
    from celestial_pgat.app import report
    from celestial_pgat.data.prices import load_ohlc
    monkeypatch.setattr(report, "execute", lambda notebook, folder: notebook)
    prices = load_ohlc("sp500").iloc[-240:].copy()
    prices.iloc[-40:] = prices["Close"].iloc[-41]
    prices.to_csv(tmp_path / "still.csv")
    done = call("run", "--preset", "smoke", "--data", tmp_path / "still.csv", "--output", tmp_path / "runs", "--arms", "true", "--set", "train.epochs=1",
                "--set", "train.warmup_epochs=0", "--set", "data.accept=stale_rows,large_moves")
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "runs").iterdir()
    stored = json.loads((folder / "metrics.json").read_text())
    assert stored["always_up"] is None and "the reference has no error" in stored["verdict"]
    assert "do not suffice to judge" in done.stdout and "nan%" not in done.stdout


def test_a_stop_during_the_placebo_leaves_the_judgement(table, tmp_path, call, monkeypatch):
    from celestial_pgat.app import report, results
    monkeypatch.setattr(report, "execute", lambda notebook, folder: notebook)
    monkeypatch.setattr(results, "judge_inputs", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    done = call("run", "--preset", "smoke", "--data", table, "--output", tmp_path, "--arms", "true", "--set", "train.epochs=1", "--set",
                "train.warmup_epochs=0")
    assert done.returncode == 130 and "celestial-pgat report" in done.stderr
    (folder,) = tmp_path.iterdir()
    assert "the best reference" in json.loads((folder / "metrics.json").read_text())["verdict"]
    report = call("report", folder)
    assert report.returncode == 0 and "What each input is worth" not in (folder / "report.html").read_text(encoding="utf-8")
