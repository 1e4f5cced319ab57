"""Tables of covariates as people have them: every column comes in, or is refused by its name; no copy of the future passes.

Each table is written in a folder of its own and read as a file.
"""
import numpy as np
import pandas as pd
import pytest

from celestial_pgat.core.files import collect_notes
from celestial_pgat.data.copies import FEWEST, future_copies, refuse_copies
from celestial_pgat.data.covariates import Covariates, check_covariates, read_covariates
from celestial_pgat.data.prices import load_ohlc

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
def test_copies_of_the_future_are_refused_by_name(kind, prices, beside):
    table = beside.assign(odd=COPIES[kind](prices).bfill().ffill())
    message = refusal(check_covariates, read(table)[0], prices, 5)
    assert message.startswith("odd copies the future: later prices explain ")


@pytest.mark.parametrize("kind", HARMLESS)
def test_functions_of_the_past_pass(kind, prices, beside):
    check_covariates(read(beside.assign(fine=HARMLESS[kind](prices).bfill()))[0], prices, 5)


@pytest.mark.parametrize("kind", sorted(set(HARMLESS) - {"growth", "highest", "strength", "volatility", "average"}))
def test_prices_of_the_day_are_no_knowledge_in_advance(kind, prices, beside):
    table = beside.assign(odd=HARMLESS[kind](prices).bfill())
    message = refusal(check_covariates, read(table, known="odd")[0], prices, 5)
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
