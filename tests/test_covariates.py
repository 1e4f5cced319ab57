"""Tables of covariates as people have them: every column comes in, or is refused by its name; no copy of the future passes.

Each table is written in a folder of its own and read as a file.
"""
import dataclasses
import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from celestial_pgat.core.files import collect_notes
from celestial_pgat.data.calendar import next_sessions
from celestial_pgat.data.copies import FEWEST, future_copies, refuse_copies
from celestial_pgat.data.covariates import Covariates, check_covariates, read_covariates
from celestial_pgat.data.prices import load_ohlc
from celestial_pgat.data.windows import ForecastData, future_batch, random_batch
from celestial_pgat.evaluate.references import predict
from celestial_pgat.model.config import load_config, preset
from celestial_pgat.model.pgat import CelestialPGAT

DAYS = pd.bdate_range("2024-01-01", periods=30, name="Date")
TABLE = pd.DataFrame({"load": np.arange(30.0) ** 1.5, "holiday": 1.0 * (np.arange(30) % 7 == 0)}, index=DAYS)


def read(*sources, **options) -> tuple[Covariates, str]:
    """Return the covariates and their notes."""
    with collect_notes() as notes:
        found = read_covariates(*sources, **options)
    return found, " | ".join(notes)


def refusal(action, *arguments, **options) -> str:
    """Return the message with which `action` refuses."""
    with pytest.raises(ValueError) as caught, collect_notes():
        action(*arguments, **options)
    return str(caught.value)


def same(found: Covariates, table: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(found.table, table, check_names=False, check_freq=False, check_index_type=False)


# ---- every way to write the same table

WRITERS = {
    "csv": lambda table, path: table.to_csv(path),
    "semicolons, decimal commas": lambda table, path: table.to_csv(path, sep=";", decimal=","),
    "a tab, days first": lambda table, path: table.to_csv(path, sep="\t", date_format="%d.%m.%Y"),
    "newest first": lambda table, path: table[::-1].to_csv(path),
    "shuffled": lambda table, path: table.sample(frac=1, random_state=0).to_csv(path),
    "a counter first": lambda table, path: table.reset_index().to_csv(path),
    "times of day": lambda table, path: table.set_axis(table.index + pd.Timedelta(hours=16)).rename_axis("Date").to_csv(path),
    "moments of New York": lambda table, path: table.tz_localize("America/New_York").to_csv(path),
    "a date in the middle": lambda table, path: table.reset_index()[["load", "Date", "holiday"]].to_csv(path, index=False),
    "seconds since 1970": lambda table, path: table.set_axis(table.index.astype("datetime64[s]").astype("int64")).rename_axis("timestamp").to_csv(path),
    "packed": lambda table, path: table.to_csv(path, compression="gzip"),
    "parquet": lambda table, path: table.to_parquet(path),
    "parquet with a date column": lambda table, path: table.reset_index().to_parquet(path),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_the_same_table_however_it_is_written(writer, tmp_path):
    WRITERS[writer](TABLE, tmp_path / "table")
    same(read(tmp_path / "table")[0], TABLE)


@pytest.mark.parametrize("writer, words", [
    ("newest first", "newest first"), ("shuffled", "were not in order and were sorted"), ("a counter first", "counts the rows"),
    ("times of day", "times of day, such as 2024-01-01 16:00, were dropped")])
def test_what_was_assumed_is_noted(writer, words, tmp_path):
    WRITERS[writer](TABLE, tmp_path / "table")
    assert words in read(tmp_path / "table")[1]


def test_double_rows_are_noted_and_two_rows_of_a_day_refused(tmp_path):
    pd.concat([TABLE, TABLE[3:4]]).to_csv(tmp_path / "double.csv")
    found, notes = read(tmp_path / "double.csv")
    same(found, TABLE)
    assert "1 row of the covariates that stood twice left out: 2024-01-04" in notes
    pd.concat([TABLE, TABLE[3:4] + 1]).to_csv(tmp_path / "two.csv")
    assert "2024-01-04 has 2 rows" in refusal(read_covariates, tmp_path / "two.csv")
    hours = TABLE.set_axis(pd.date_range("2024-01-01", periods=30, freq="6h", name="Date"))
    hours.to_csv(tmp_path / "hours.csv")
    assert "make one row of a day" in refusal(read_covariates, tmp_path / "hours.csv")


# ---- no column is dropped in silence

@pytest.mark.parametrize("name", ["y", "code", "name", "index", "Close", "Volume", "price", "Adj Close", "log_Open", "SPY.Close", "dyn_Mars_speed",
                                  "rate (%)", "Temperature [C]", "Symbol2", "größe", "天气"])
def test_any_name_comes_in(name, tmp_path):
    TABLE.rename(columns={"load": name}).to_csv(tmp_path / "table.csv")
    found, _ = read(tmp_path / "table.csv")
    assert found.columns == [name, "holiday"]


@pytest.mark.parametrize("column, words", [
    (["Mon", "Tue", "Wed"] * 10, "'extra' holds no numbers but Mon, Tue, Wed; write numbers, such as a column of 0 and 1"),
    (["2024-03-01"] * 30, "'extra' holds no numbers but 2024-03-01"),
    (["1.5"] * 29 + ["high"], "extra high in row 29 is not a number"),
    ([1.0] * 12 + [np.nan] + [2.0] * 17, "extra nan on 2024-01-17 is missing"),
    ([np.nan] + [2.0] * 29, "extra nan on 2024-01-01 is missing"),
    ([""] * 30, "extra nan on 2024-01-01 is missing (and 29 more)"),
    ([1.0] * 12 + [np.inf] + [2.0] * 17, "extra inf on 2024-01-17 is infinite")])
def test_a_column_that_cannot_be_used_is_refused_by_name(column, words, tmp_path):
    TABLE.assign(extra=column).to_csv(tmp_path / "table.csv")
    assert words in refusal(read_covariates, tmp_path / "table.csv", known="holiday")


@pytest.mark.parametrize("truths", [[True, False] * 15, ["TRUE", "FALSE"] * 15, ["true", "false"] * 15])
def test_truths_become_numbers(truths, tmp_path):
    TABLE.assign(holiday=truths).to_csv(tmp_path / "table.csv")
    found, notes = read(tmp_path / "table.csv")
    assert found.table["holiday"].tolist() == [1, 0] * 15 and "holiday: True and False became 1 and 0" in notes


@pytest.mark.parametrize("names", [["load", "load"], ["load", "all"], ["load", "a: b"], ["a, b", "load"], ["a;b", "load"]])
def test_names_that_no_configuration_can_hold_are_refused(names):
    message = refusal(read_covariates, TABLE.set_axis(names, axis=1))
    assert "rename" in message and repr(sorted(names)[0] if "load" != sorted(names)[0] else names[1]) in message


def test_a_time_of_day_is_named_as_what_is_left_out(tmp_path):
    TABLE.assign(Time="16:00").to_csv(tmp_path / "table.csv")
    found, notes = read(tmp_path / "table.csv")
    same(found, TABLE)
    assert "column 'Time' was read as the time of day, and is no covariate; if it is one, rename it" in notes


def test_a_table_without_instrument_is_taken_for_the_one_that_is_asked_for():
    found, notes = read(TABLE, symbol="SPY")
    same(found, TABLE)
    assert "no column says of what the rows are, so all were taken for SPY" in notes


def test_a_column_without_name_is_refused(tmp_path):
    (tmp_path / "table.csv").write_text("Date,load,\n2024-01-01,1,7\n2024-01-02,2,9\n2024-01-03,3,1\n")
    assert "column 2 of the covariates has no name" in refusal(read_covariates, tmp_path / "table.csv")


# ---- long frames, and what is known in advance

LONG = pd.concat([(TABLE * scale).assign(unique_id=name, y=1.0) for name, scale in (("DE", 1), ("FR", 2))]).rename_axis("ds").reset_index()
LATER = pd.bdate_range(DAYS[-1], periods=5)
FUTURE = pd.concat([pd.DataFrame({"unique_id": name, "ds": LATER[1:], "holiday": [0.0, 0, scale, 0]}) for name, scale in (("DE", 1), ("FR", 2))])


def test_long_frames_are_understood(tmp_path):
    LONG.to_csv(tmp_path / "long.csv", index=False)
    FUTURE.to_csv(tmp_path / "future.csv", index=False)
    found, notes = read(tmp_path / "long.csv", tmp_path / "future.csv", symbol="FR")
    same(Covariates(found.table[:30]), 2 * TABLE)
    assert found.known == ("holiday",) and found.table["holiday"].iloc[30:].tolist() == [0, 0, 2, 0]
    assert found.table["load"].iloc[30:].isna().all()
    for words in ("'unique_id' says of what", "y is the target of a long frame", "known in advance, as there are future values of them: holiday"):
        assert words in notes
    message = refusal(read_covariates, tmp_path / "long.csv")
    assert "DE (30 rows), FR (30 rows); choose one with --set data.symbol=DE" in message
    assert "there is no symbol 'IT'" in refusal(read_covariates, LONG, symbol="IT")


def test_long_frames_by_id_are_understood():
    same(read(LONG.drop(columns="y").set_index("unique_id"), symbol="DE")[0], TABLE)
    same(read(LONG.drop(columns="y").set_index(["unique_id", "ds"]), symbol="DE")[0], TABLE)


def test_future_values_must_agree():
    def later(**values): return pd.DataFrame(values, index=LATER)
    shared = later(holiday=[TABLE["holiday"].iloc[-1], 0, 0, 0, 1.0])
    assert len(read(TABLE, shared)[0].table) == 34                              # the last day stands in both, alike
    assert "holiday 5.0 on 2024-02-09 is another value" in refusal(read_covariates, TABLE, later(holiday=[5, 0, 0, 0, 1.0]))
    assert "names 'holliday'" in refusal(read_covariates, TABLE, later(holliday=[0, 0, 0, 0, 1.0]))
    assert "known='load' leaves out 'holiday'" in refusal(read_covariates, TABLE, shared, known="load")
    assert "names 'load', which the table of future values lacks" in refusal(read_covariates, TABLE, shared, known="all")
    early = shared.set_axis(LATER - pd.Timedelta(days=6))                      # a Saturday among them
    assert "2024-02-03, a day before the end of the other table" in refusal(read_covariates, TABLE, early)
    gap = later(holiday=[0, 0, np.nan, 0, 1.0])
    assert "holiday nan on 2024-02-13 is missing" in refusal(read_covariates, TABLE, gap)


def test_nothing_said_is_past_only_and_says_so():
    found, notes = read(TABLE)
    assert found.known == () and "past only" in notes and "--set data.known=load" in notes
    assert read(TABLE, known="all")[0].known == ("load", "holiday") and read(TABLE, known=["holiday"])[0].known == ("holiday",)
    assert "did you mean 'holiday'?" in refusal(read_covariates, TABLE, known="hollyday")
    assert "no group has the column 'load'" in refusal(read_covariates, TABLE, groups="calendar: holiday")


def test_rows_to_come_know_nothing_of_past_only_columns():
    """Changing a past-only column after the origin changes nothing; a known one does."""
    ask = lambda table: read(table, known="holiday")[0].rows(DAYS[5:20] + pd.Timedelta(hours=21), ahead=4)
    moved = TABLE.copy()
    moved.loc[DAYS[16]:, "load"] += 100
    pd.testing.assert_frame_equal(ask(moved), ask(TABLE))
    moved.loc[DAYS[16]:, "holiday"] += 1
    assert (ask(moved) != ask(TABLE)).sum().tolist() == [0, 4]
    moved.loc[DAYS[15]:, "load"] += 100                                         # the origin itself is seen, and held
    assert (ask(moved) != ask(TABLE)).sum().tolist() == [5, 4]


# ---- beside prices

@pytest.fixture(scope="module")
def prices() -> pd.DataFrame:
    return load_ohlc("sp500")


@pytest.fixture(scope="module")
def beside(prices) -> pd.DataFrame:
    steps = np.random.default_rng(0).normal(size=(len(prices), 2))
    return pd.DataFrame({"walk": steps[:, 0].cumsum(), "noise": steps[:, 1]}, index=prices.index)


def test_what_does_not_fit_the_prices_is_refused_by_name(prices, beside):
    def message(table, **options): return refusal(check_covariates, read(table, **options)[0], prices, 5)
    assert "lack 1 of 5031 days of the prices, the first 2001-03-07: holidays of another calendar" in message(beside.drop(pd.Timestamp("2001-03-07")))
    assert "a row about every 7 days" in message(beside.resample("W-FRI").last())
    assert "the table goes from 2000-01-03" in message(beside["2000":])
    assert "column 'still' is 3 on all days" in message(beside.assign(still=3))
    assert "late nan on 2018-12-31 is missing; the column ends before" in message(beside.assign(late=beside["walk"][:-1]))
    check_covariates(read(beside, known="noise")[0], prices, 5)
    with collect_notes() as notes:
        check_covariates(read(beside.resample("D").ffill())[0], prices[:-2], 5)
    weekends = (prices.index[-3] - prices.index[0]).days + 1 - len(prices[:-2])
    assert [note.split(" of ")[0] for note in notes if "without prices" in note or "after" in note] == [f"{weekends} rows", "4 rows"]


@pytest.fixture(scope="module")
def late(prices) -> pd.DataFrame:
    """Six years of prices."""
    return prices[-1500:]


LAST = lambda p: p["Close"]
COPIES = {
    "the next Close": lambda p: LAST(p).shift(-1), "the logarithm of a Close, turned": lambda p: -np.log(LAST(p)).shift(-3),
    "the inverse": lambda p: 1 / LAST(p).shift(-2), "the next Open": lambda p: p["Open"].shift(-1), "a Low": lambda p: p["Low"].shift(-4),
    "the next change": lambda p: LAST(p).pct_change().shift(-1), "a change over days": lambda p: LAST(p).shift(-5) / LAST(p),
    "up or down": lambda p: 1.0 * (LAST(p).shift(-1) > LAST(p)), "up or down in five": lambda p: np.sign(LAST(p).shift(-5) - LAST(p)),
    "the size of a change": lambda p: LAST(p).pct_change().abs().shift(-1), "the next range": lambda p: (p["High"] - p["Low"]).shift(-1) / LAST(p),
    "volatility to come": lambda p: LAST(p).pct_change().rolling(5).std().shift(-5), "the highest to come": lambda p: p["High"].rolling(5).max().shift(-5),
    "a centred mean": lambda p: LAST(p).rolling(7, center=True).mean(), "a wide centred mean": lambda p: LAST(p).rolling(61, center=True).mean(),
    "a centred median": lambda p: LAST(p).rolling(5, center=True).median(), "rounded": lambda p: LAST(p).shift(-1).round(-1),
    "noisy": lambda p: LAST(p).shift(-1) * (1 + 0.001 * np.random.default_rng(0).normal(size=len(p))),
    "a moving average, moved": lambda p: LAST(p).rolling(10).mean().shift(-5),
}
HARMLESS = {
    "Close": LAST, "Open": lambda p: p["Open"], "change": lambda p: LAST(p).pct_change(), "lagged": lambda p: LAST(p).shift(1),
    "average": lambda p: LAST(p).rolling(50).mean(), "strength": lambda p: (LAST(p).diff() > 0).rolling(14).mean(),
    "volatility": lambda p: LAST(p).pct_change().rolling(21).std(), "highest": lambda p: p["High"].rolling(20).max(),
    "growth": lambda p: pd.Series(1.0001 ** np.arange(len(p)), p.index), "sign": lambda p: np.sign(LAST(p).diff()),
}


@pytest.mark.parametrize("kind", COPIES)
def test_copies_of_the_future_are_refused_by_name(kind, late, beside):
    table = beside[-1500:].assign(odd=COPIES[kind](late).bfill().ffill())
    message = refusal(check_covariates, read(table)[0], late, 5)
    assert message.startswith("odd copies the future: later prices explain ")


@pytest.mark.parametrize("kind", HARMLESS)
def test_functions_of_the_past_pass(kind, late, beside):
    check_covariates(read(beside[-1500:].assign(fine=HARMLESS[kind](late).bfill()))[0], late, 5)


@pytest.mark.parametrize("kind", sorted(set(HARMLESS) - {"growth", "highest", "strength", "volatility", "average"}))
def test_prices_of_the_day_are_no_knowledge_in_advance(kind, late, beside):
    table = beside[-1500:].assign(odd=HARMLESS[kind](late).bfill())
    message = refusal(check_covariates, read(table, known="odd")[0], late, 5)
    assert message.startswith("odd copies the future") and "take it out of known" in message


@pytest.mark.parametrize("rows", [FEWEST, 400, 2000])
@pytest.mark.parametrize("horizon", [1, 5, 60])
def test_a_copy_is_found_in_short_tables_and_far_ahead(rows, horizon, prices, beside):
    part, table = prices[:rows], beside[:rows].assign(odd=prices["Close"].shift(-min(horizon, rows // 6))[:rows])
    found = future_copies(table, part, horizon)
    assert found["R2"].idxmax() == "odd" and found.loc["odd", "R2"] > 0.9 and found.loc[["walk", "noise"], "R2"].max() < 0.7


@pytest.mark.parametrize("seed", range(3))
def test_a_signal_of_half_of_each_day_passes(seed, prices, beside):
    change = np.log(prices["Close"]).diff().fillna(0)
    signal = change + change.std() * np.random.default_rng(seed).normal(size=len(change))
    check_covariates(read(beside.assign(signal=signal), known="signal")[0], prices, 5)


def test_the_remedy_of_a_copy_mends_it(prices, beside):
    for rows in (1, 5):
        table = beside.assign(odd=prices["Close"].shift(-rows).ffill())
        assert f"shift it by {rows} row" in refusal(refuse_copies, table, prices, 5)
        refuse_copies(table.assign(odd=table["odd"].shift(rows).bfill()), prices, 5)


# ---- no leak: through the windows and a model

ROWS, COMING = 240, 5
KNOWN, GROUPS = ("load", "holiday"), {"plans": ("holiday",), "grid": ("load", "wind"), "sea": ("tide",)}
PAST = ("wind", "tide")


@pytest.fixture(scope="module")
def short(prices) -> pd.DataFrame:
    return prices[-ROWS:]


@pytest.fixture(scope="module")
def columns(short) -> pd.DataFrame:
    """Four columns of the days of `short` and of five sessions to come."""
    days = short.index.append(next_sessions(short.index[-1], COMING)).rename("Date")
    return pd.DataFrame(np.random.default_rng(3).normal(size=(len(days), 4)), days, ["load", "holiday", "wind", "tide"])


def cut(short, columns, **options) -> ForecastData:
    """Return the windows of the small model."""
    with collect_notes():
        return ForecastData(short, 16, 3, 16, **{"covariates": columns, "known": KNOWN, "groups": GROUPS, **options})


def moved(columns, names, rows) -> pd.DataFrame:
    """Return a copy of the columns with other values of `names` in `rows`."""
    table = columns.copy()
    table.iloc[rows, table.columns.get_indexer(list(names))] += 3
    return table


@pytest.fixture(scope="module", params=[True, False], ids=["beside the sky", "without the sky"])
def model(request) -> CelestialPGAT:
    """The small model with weights that are not zero anywhere, as after a training."""
    cfg = load_config("smoke", None, [{"model": {"use_sky": request.param, "covariates": cut_layout()}}])
    torch.manual_seed(0)
    built = CelestialPGAT(cfg.model)
    with torch.no_grad():
        for weight in built.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return built.eval()


def cut_layout() -> str:
    return "; ".join(f"{name}: {', '.join(own)}" for name, own in GROUPS.items())


@pytest.fixture(scope="module")
def unchanged(short, columns) -> ForecastData:
    """The windows of the columns as they are."""
    return cut(short, columns)


@pytest.fixture(scope="module")
def forecasts(model, unchanged) -> torch.Tensor:
    """The forecasts of the test windows, of which none is changed."""
    return predict(model, unchanged.test)


@pytest.fixture(scope="module")
def changed(short, columns):
    """Say for each test window whether its forecast changes when `names` change from `row` on; each table is cut once."""
    cut_moved = cache(lambda names, row: cut(short, moved(columns, names, slice(row, None))).test)
    return lambda forecasts, model, names, row: (forecasts != predict(model, cut_moved(names, row))).any(dim=2).any(dim=1)


@pytest.mark.parametrize("back", [1, 2, 9, 15])
def test_a_past_only_column_after_the_origin_changes_no_forecast(back, changed, forecasts, model, short, unchanged):
    row = ROWS - 3 - back                                                     # an origin of the test windows
    origins = short.index.get_indexer(unchanged.test.origins)
    for names in (PAST, PAST[:1], PAST[1:]):
        assert changed(forecasts, model, names, row).tolist() == (origins >= row).tolist()


@pytest.mark.parametrize("back", [1, 2, 9, 15])
def test_a_known_column_on_the_forecast_days_changes_the_forecast_and_later_ones_do_not(back, changed, forecasts, model, short,
                                                                                          unchanged):
    row = ROWS - back
    last = short.index.get_indexer(unchanged.test.target_dates[:, -1])
    for names in (KNOWN, KNOWN[:1], KNOWN[1:]):
        assert changed(forecasts, model, names, row).tolist() == (last >= row).tolist()


def test_nothing_after_the_last_forecast_day_or_before_the_history_changes_a_forecast(changed, forecasts, model, short, columns):
    assert not changed(forecasts, model, tuple(columns), ROWS).any()
    data = cut(short, columns)
    begin = short.index.get_indexer(data.test.origins)[0] - 15
    table = moved(columns, columns.columns, slice(begin - 3, begin))          # rows of validation: they fit no scale
    assert torch.equal(forecasts, predict(model, cut(short, table).test))
    table = moved(columns, columns.columns, slice(begin, begin + 1))
    assert (forecasts != predict(model, cut(short, table).test)).flatten(1).any(1).tolist() == [True] + 17 * [False]


@pytest.mark.parametrize("field", ["past_covariates", "future_covariates"])
@pytest.mark.parametrize("column", range(4))
def test_a_sample_knows_nothing_of_another(field, column, model, unchanged):
    batch = unchanged.test[[0, 9, 17]]
    values = getattr(batch, field).clone()
    values[1, :, column] += 3
    with torch.no_grad():
        first, second = model(batch), model(dataclasses.replace(batch, **{field: values}))
    assert (first != second).flatten(1).any(1).tolist() == [False, True, False]


def test_scales_are_those_of_the_training_rows(short, columns):
    data = cut(short, columns)
    end = data.blocks["train"].stop
    own = columns.iloc[:end]
    for name, (center, spread) in data.scales.covariates.items():
        assert (center, spread) == (pytest.approx(own[name].mean()), pytest.approx(own[name].std(ddof=0)))
    later = cut(short, moved(columns, columns.columns, slice(end, None)))
    assert later.scales.to_dict() == data.scales.to_dict()
    assert torch.equal(later.tables[4][:end], data.tables[4][:end])
    sooner = cut(short, moved(columns, columns.columns, slice(end - 1, end)))
    assert all(sooner.scales.covariates[name] != data.scales.covariates[name] for name in columns)


# ---- the windows, and what is to come

def test_windows_hold_the_columns_in_the_order_of_their_groups(short, columns):
    data = cut(short, columns)
    order = ["holiday", "load", "wind", "tide"]
    assert data.covariates.layout == cut_layout() and data.covariates.columns == order == [*data.scales.covariates]
    batch, row = data.test[4], short.index.get_loc(data.test.origins[4])
    for place, name in enumerate(order):
        center, spread = data.scales.covariates[name]
        scaled = torch.tensor(((columns[name] - center) / spread).to_numpy()).float()
        torch.testing.assert_close(batch.past_covariates[0, :, place], scaled[row - 15:row + 1])
        ahead = scaled[row + 1:row + 4] if name in KNOWN else scaled[row].expand(3)
        torch.testing.assert_close(batch.future_covariates[0, :, place], ahead)


def test_a_table_gives_the_same_windows_as_its_covariates(short, columns):
    by_table, ready = cut(short, columns), read(columns, known=KNOWN, groups=GROUPS)[0]
    given = cut(short, ready, known=(), groups=None)
    assert torch.equal(given.tables[4], by_table.tables[4]) and given.covariates.layout == by_table.covariates.layout
    assert "say themselves what is known" in refusal(cut, short, ready)


def test_the_window_to_come_is_the_test_window_of_its_day(model, short, columns):
    """A table in which past-only columns end at the origin gives what the whole table gives."""
    data = cut(short, columns)
    ended = columns.copy()
    ended.loc[short.index[-3]:, list(PAST)] = np.nan
    ready, _ = read(ended, known=KNOWN, groups=GROUPS)
    batch, sessions = future_batch(short[:-3], 16, 3, data.scales, covariates=ready)
    window = data.test[len(data.test) - 1]
    assert sessions.equals(short.index[-3:])
    for name in (*vars(batch), "past_waves", "future_waves"):
        if name not in ("target", "sky_waves", "sky_pairs", "days", "place"):     # tables of other days, and where in them
            torch.testing.assert_close(getattr(batch, name), getattr(window, name), rtol=0, atol=1e-6)
    with torch.no_grad():
        torch.testing.assert_close(model(batch), model(window), rtol=0, atol=1e-5)


def test_what_is_missing_of_the_days_to_come_is_named(short, columns):
    short_of_one = columns.copy()
    short_of_one.loc[short_of_one.index[ROWS + 2]:, "load"] = np.nan
    assert "load nan on 2019-01-04 is missing" in refusal(cut, short, short_of_one)     # known: it may not end
    ready, _ = read(columns[:ROWS + 2], known=KNOWN)
    data = cut(short, ready, known=(), groups=None)
    message = refusal(data.forecast_batch)
    assert "on 2019-01-04 is missing" in message and "a value for those to be forecast" in message
    assert "lack 1 of 240 days of the prices, the first 2018-12-24" in refusal(cut, short, columns.drop(pd.Timestamp("2018-12-24")))
    batch, sessions = cut(short, columns[:ROWS + 3]).forecast_batch()
    assert sessions[-1] == columns.index[ROWS + 2] and batch.future_covariates.shape == (1, 3, 4)


@pytest.mark.parametrize("sky", [True, False])
def test_random_batches_have_the_covariates_of_the_model(sky):
    cfg = load_config("smoke", None, [{"model": {"use_sky": sky, "covariates": cut_layout()}}])
    batch = random_batch(cfg, batch_size=5)
    assert batch.past_covariates.shape == (5, 16, 4) and batch.future_covariates.shape == (5, 3, 4)
    assert CelestialPGAT(cfg.model)(batch).shape == (5, 3, 4) and len(cfg.model.nodes) == 13 * sky + 3
    none = random_batch(preset("smoke"), batch_size=5)
    assert none.past_covariates.shape == (5, 16, 0) and none.future_covariates.shape == (5, 3, 0)


# ---- the command line

@pytest.fixture(scope="module")
def tables(prices, tmp_path_factory) -> Path:
    """A folder of 400 sessions and two columns of them, "plan" known for three sessions more, and tables cut in other ways."""
    folder, short = tmp_path_factory.mktemp("tables"), prices[-400:]
    days = short.index.append(next_sessions(short.index[-1], 3)).rename("Date")
    mine = pd.DataFrame(np.random.default_rng(5).normal(size=(len(days), 2)), days, ["plan", "survey"])
    mine.loc[days[400]:, "survey"] = np.nan
    short.to_csv(folder / "prices.csv")
    mine.to_csv(folder / "mine.csv")
    mine[:400].to_csv(folder / "ended.csv")
    mine[400:][["plan"]].to_csv(folder / "later.csv")
    (mine[400:][["plan"]] + 3).to_csv(folder / "busier.csv")
    return folder


@pytest.fixture(scope="module")
def made(tables, call, few_tables, reports_made_here) -> tuple[Path, str]:
    """A run with covariates in the place of the sky, with every arm and planted signals; its folder and what it printed."""
    done = call("run", "--preset", "smoke", "--data", tables / "prices.csv", "--covariates", tables / "mine.csv", "--known", "plan", "--no-sky",
                "--arms", "no,true,false", "--power", 1, "--jobs", 1, "--output", tables / "runs", "--set", "train.epochs=1", "--set",
                "train.warmup_epochs=0", "--set", "data.batch_size=60")
    assert done.returncode == 0, done.stderr
    (folder,) = (tables / "runs").iterdir()
    return folder, done.stdout


def test_a_run_judges_each_covariate(made):
    folder, printed = made
    inputs = pd.read_csv(folder / "inputs.csv")
    assert inputs["input"].tolist() == ["plan", "survey"] and (inputs["low"] <= inputs["high"]).all()
    assert (inputs["place"] <= inputs["tables"]).all() and set(inputs["tables"]) == {4}
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["with_covariates", "with_false_covariates", "without_covariates"]
    blind, true = (json.loads((folder / name / "config.json").read_text())["configuration"]["model"] for name in ("without_covariates", "with_covariates"))
    assert (blind["use_sky"], blind["use_covariates"], true["use_sky"], true["use_covariates"]) == (False, False, False, True)
    assert true["covariates"] == "covariates: plan, survey"
    for text in ("with false covariates", "without covariates", "plan", "survey"):
        assert text in printed
    assert [line for line in printed.splitlines() if len(line) > 80 and not line.startswith(("note: ", "report: "))] == []


def test_a_run_says_what_it_could_have_seen(made):
    folder, printed = made
    power = pd.read_csv(folder / "power.csv")
    assert power["signal"].tolist() == ["a column like plan, on its own day,", "a column like survey, on the day after it,"] and power["r2"].tolist() == [0.05, 0.05]
    assert "Power" in printed and "Power not measured" not in printed
    page = (folder / "report.html").read_text(encoding="utf-8")
    for text in ("What each input is worth", "a column like plan, on its own day", "a column like survey, on the day after it", "with false covariates"):
        assert text in page
    assert "The rank of the sky" not in page


def test_a_forecast_takes_the_values_to_come(made, tables, call):
    folder, printed = made
    def ahead(*more): return call("forecast", "--model", folder, *more)
    plain = ahead()
    assert plain.returncode == 0 and set(plain.stdout.splitlines()[2:]) <= set(printed.splitlines())
    ended = ["--covariates", tables / "ended.csv"]
    refused = ahead(*ended)
    assert refused.returncode == 2 and "plan nan on 2019-01-02 is missing" in refused.stderr and "Traceback" not in refused.stderr
    again = ahead(*ended, "--future", tables / "later.csv")
    assert again.returncode == 0 and again.stdout == plain.stdout
    busier = ahead(*ended, "--future", tables / "busier.csv")
    assert busier.returncode == 0 and busier.stdout != plain.stdout
    mine = pd.read_csv(tables / "mine.csv", index_col=0)
    mine[mine.columns[::-1]].to_csv(tables / "turned.csv")
    mine.assign(more=1.0).to_csv(tables / "more.csv")
    mine.drop(columns="survey").to_csv(tables / "less.csv")
    assert ahead("--covariates", tables / "turned.csv").stdout == plain.stdout, "columns are taken by name"
    for name, words in (("more.csv", "have more besides"), ("less.csv", "lack survey")):
        refused = ahead("--covariates", tables / name)
        assert refused.returncode == 2 and words in refused.stderr and "Traceback" not in refused.stderr, refused.stderr
    refused = call("forecast", "--model", folder / "with_false_covariates")
    assert refused.returncode == 2 and "a model of false inputs" in refused.stderr


@pytest.mark.parametrize("r2", [0.05, 0.5])
@pytest.mark.parametrize("kind", ["rare", "rough"])
def test_a_signal_can_be_planted_into_any_column(kind, r2, short):
    """A planted signal foretells the prices, and is no fault of the user's table."""
    from celestial_pgat.app.arms import planted_copy
    rng = np.random.default_rng(11)
    values = (rng.random(len(short)) < 0.03) * 1.0 if kind == "rare" else rng.standard_normal(len(short))
    own = Covariates(pd.DataFrame({"event": values}, short.index.normalize()), ("event",))
    _, copy = planted_copy(ForecastData(short, 20, 5, 8, covariates=own), "event", r2)
    change = np.diff(copy.tables[0][:, 3].numpy())
    assert 0.5 * r2 < np.corrcoef(change, copy.tables[4][1:, 0])[0, 1] ** 2 < 2 * r2


@pytest.mark.parametrize("name", ["sky", "none", "all"])
def test_words_with_a_meaning_of_their_own_are_no_columns(name, short):
    with pytest.raises(ValueError, match=f"the name '{name}' of a column cannot be used"):
        Covariates(pd.DataFrame({name: 1.0}, short.index.normalize()))


@pytest.mark.parametrize("arguments, words", [
    (["--no-sky"], "leave nothing to compare"), (["--known", "plan"], "known='plan' is about covariates, and there are none"),
    (["--future", "later.csv"], "is about covariates, and there are none"), (["--set", "data.groups=a: plan"], "is about covariates"),
    (["--covariates", "mine.csv", "--known", "plam"], "did you mean 'plan'?"), (["--covariates", "absent.csv"], "absent.csv"),
    (["--covariates", "mine.csv", "--set", "data.groups=a: plan"], "no group has the column 'survey'"),
    (["--covariates", "mine.csv", "--known", "all"], "survey nan on 2019-01-02 is missing"),
    (["--covariates", "mine.csv", "--no-sky", "--set", "model.use_covariates=false"], "leave nothing to compare"),
    (["--covariates", "mine.csv", "--arms", "no,false"], "must have true"), (["--covariates", "mine.csv", "--power", 6], "power=6"),
    (["--covariates", "mine.csv", "--jobs", 0], "jobs=0"), (["--set", "data.sky=table"], "no column of the sky")])
def test_what_cannot_be_run_is_refused_before_any_work(arguments, words, tables, tmp_path, call, monkeypatch):
    monkeypatch.chdir(tables)
    done = call("run", "--preset", "smoke", "--data", "prices.csv", "--output", tmp_path / "runs", *arguments)
    assert done.returncode == 2 and words in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "runs").exists()


def test_the_sky_of_the_table_is_used_where_it_is_asked_for():
    from celestial_pgat.app.commands import plan
    from celestial_pgat.sky.table import read_table
    sample = Path(__file__).parents[1] / "data" / "sample.csv"
    own, (_, table, said) = read_table(sample).waves, plan(sample, None, ["data.sky=table"], "smoke")
    assert torch.equal(table.tables[1], table.scales.apply(own.loc[table.prices.index]))
    assert any("the sky of the table is used. Both were compared" in text for text in said)
    _, computed, said = plan(sample, None, [], "smoke")
    assert any("the sky is computed; --set data.sky=table" in text and "Both were compared" in text for text in said)
    assert not torch.equal(computed.tables[1], table.tables[1])
