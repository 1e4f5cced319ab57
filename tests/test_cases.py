"""Tables as people have them: each is read right, or refused with its cause and a remedy that works."""
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from celestial_pgat.core.files import collect_notes
from celestial_pgat.data.prices import load_ohlc
from celestial_pgat.data.series import check_series
from celestial_pgat.data.windows import ForecastData, sky_of

FOLDER = Path(__file__).parent / "cases"
LOOK = ("exchange", "accept", "repair")


@cache
def sky_once(days: tuple[pd.Timestamp, ...], kind: str) -> None:
    """Compute the sky of the days of a table, once for all tables of the same days."""
    sky_of(pd.DatetimeIndex(days, dtype=kind, name="Date"))


def enter(case: str, **options) -> tuple[pd.DataFrame, list[str]]:
    """Take a table of the folder through the whole door and return its prices, with the notes."""
    (path,) = FOLDER.glob(f"{case}.*")
    reading = {name: value for name, value in options.items() if name not in ("exchange", "accept")}
    with collect_notes() as notes:
        prices = load_ohlc(path, **reading)
        sky_once(tuple(prices.index), str(prices.index.dtype))
        return check_series(prices, **{name: options[name] for name in LOOK if name in options}), notes


# Read as they come: the case, and what a note must say (None: nothing is assumed beside columns that are not used).
READ = {
    "00_good": None, "01_yfinance_multiheader": None, "02_yahoo_adjclose": "not Adj Close", "03_yahoo_tz_index": None,
    "07_live_row_naive": "the last row has the time 2022-03-11 15:59", "11_us_dates": "month-day-year", "12_dayfirst_slash": "day-month-year",
    "13_dayfirst_dash": "day-month-year", "16_dots_mt": None, "17_nse_month_name": "by name", "18_compact_int": None, "20_long_us_quoted": "by name",
    "21_iso_week": "ISO week", "22_ydm": "year-day-month", "30_tradingview": "seconds since 1970", "32_german_semicolon": "decimal comma",
    "34_semicolon_point": "separated by ';'", "35_tab_mt5": "separated by", "39_shift_jis": "cp932", "40_japanese_headers": None, "41_utf8_bom": None,
    "42_trailing_comma_rows": "empty field", "43_shift_with_index": "row's label", "44_shift_date_survives": "row's label", "49_alpha_vantage_cols": "newest first",
    "53_preamble": "2 lines before the header", "54_unnamed_index": None, "78_vix_column": "not used: VIX, rates", "80_case_cols": None,
    "82_parquet_date32_index": None, "85_parquet_tz_index": None, "87_parquet_period": "periods of D", "90_txt": None, "91_csv_gz": None, "B04_tiingo_Z": None,
    "B15_comment_lines": "comment line", "B17_currency_signs": "newest first", "B18_close_vol_adj_only_cap": "day-month-year", "B19_time_only_in_name": None,
    "B21_total_row": "empty fields", "73_nasdaq_alias": None, "X1_excel": "sheet 'Prices'",
}


@pytest.fixture(scope="module")
def good() -> pd.DataFrame:
    """What the good table says, read by pandas alone."""
    rows = [pd.read_csv(FOLDER / f"{name}.csv") for name in ("00_good", "22_ydm")]
    rows[1]["Date"] = pd.to_datetime(rows[1]["Date"], format="%Y-%d-%m").astype(str)
    table = pd.concat(rows)[["Date", "Open", "High", "Low", "Close"]]
    return table.set_index(pd.DatetimeIndex(table.pop("Date"), name="Date")).astype(float)


@pytest.mark.parametrize("case", READ)
def test_table_is_read_right(case, good):
    prices, notes = enter(case, **({"exchange": "NASDAQ"} if case == "73_nasdaq_alias" else {}))
    assert len(prices) >= 79 and prices.index.isin(good.index).all()
    pd.testing.assert_frame_equal(prices, good.loc[prices.index], check_exact=True, check_index_type=False)
    told = [note for note in notes if not note.startswith("not used: ")]
    assert any(READ[case] in note for note in notes) if READ[case] else told == [], notes


def test_other_tables_that_are_read(good):
    closes = good["Close"].iloc[:80]
    prices, notes = enter("74_nixtla_long")
    assert prices.eq(closes, axis=0).all(axis=None) and any("one price a day, y" in note for note in notes)
    assert enter("47_thousands")[0]["Close"].iloc[-1] == 19101.86
    prices, notes = enter("56_float_noise")
    assert (prices["High"] >= prices["Close"]).all() and any("mended" in note for note in notes)
    assert enter("63_btc_247", exchange="24/7")[0].index.day_of_week.nunique() == 7


# Refused: the words that name the cause, and the options with which the table passes (None: the table itself must change).
REFUSED = {
    "04_vectorbt_utc_day_before": (["day early", "timezone=Europe/Berlin", "exchange=XETR"], dict(timezone="Europe/Berlin", exchange="XETR")),
    "05_yahooquery_live_row_berlin": (["exchange=XETR"], dict(exchange="XETR")),
    "08_finnhub_mixed_times": (["no zone", "timezone=UTC"], dict(timezone="UTC", exchange="XBOM")),
    "14_dayfirst_all_le_12": (["02 January 2021", "01 February 2021", "dayfirst=true"], dict(dayfirst=True, exchange="24/7", accept="missing_sessions")),
    "15_two_digit_year": (["'21-11-16'", "four digits"], None),
    "19_compact_text": (["'D20211116' in row 0 is not a date"], None),
    "23_ydm_le12": (["year-day-month", "dayfirst=true"], dict(dayfirst=True, exchange="24/7", accept="missing_sessions")),
    "24_epoch_s": (["exchange=24/7"], dict(exchange="24/7")), "26_epoch_us": (["exchange=24/7"], dict(exchange="24/7")),
    "27_binance_noheader": (["exchange=24/7"], dict(exchange="24/7")),
    "50_null_rows": (["without any price", "2021-05-27", "repair=true"], dict(repair=True)),
    "51_dup_last_day": (["2022-03-11 has 2 rows", "73.47 and 73.5435", "not final"], None),
    "57_negative_oil": (["Low -40.32 on 2020-04-20 is not positive"], None),
    "58_fx_zero_range": (["exchange=24/5"], dict(exchange="24/5")),
    "60_jquants": (["without any price", "2021-06-30"], dict(repair=True, adjusted=True, exchange="XTKS")),
    "62_btc_default_exchange": (["Sun 2021-08-15", "exchange=24/7"], dict(exchange="24/7")),
    "65_weekly": (["weekly"], None),
    "67_big_gap": (["180 of 260 sessions", "2021-08-09", "accept=missing_sessions"], dict(accept="missing_sessions")),
    "69_dow_1885": (["outside the ephemeris"], None), "70_1898_1901": (["outside the ephemeris", "43"], None),
    "71_forecast_past_calendar": (["80 rows lie in the future"], None), "B12_future_rows": (["future", "accept=future_days"], None),
    "75_long_by_symbol": (["3 instruments", "'Name'", "symbol=A"], dict(symbol="B", accept="large_moves")),
    "79_close_only": (["Open, High, Low", "close_only=true"], dict(close_only=True)),
    "81_both_adj_and_raw": (["['Close', 'close']"], None), "B01_duplicate_close": (["more than one column called 'Close'"], None),
    "92_xlsx": (["Excel file", "cut off"], None), "93_xlsx_named_csv": (["Excel file", "cut off"], None),
    "94_html_error_page": (["web page", "429 Too Many Requests"], None), "95_lfs_pointer": (["git lfs pull"], None),
    "96_json_error": (["JSON", "call frequency"], None),
    "97_log_returns": (["log_Close", "returns"], None), "98_returns_named_ohlc": (["returns, not prices"], None),
    "T1_real_layout": (["log_Close", "returns"], None), "T9_returns": (["log_Close", "returns"], None), "T7_planet_table_88": (["missing columns"], None),
    "B05_naive_local_1600": (["no zone", "timezone=UTC"], dict(timezone="America/New_York")),
    "B07_100x_row": (["2021-05-27", "decimal point"], dict(accept="large_moves")),
    "B09_daily_ffill_weekends": (["repeat the row before", "repair=true"], dict(repair=True)),
    "B13_nifty_from_1996": (["recorded from 1997-01-01", "leave out the first 41 rows"], None), "B16_blank_and_dash": (["without any price", "2021-03-16"], dict(repair=True)),
    "B20_nan_dates": (["Date in row 5 is missing"], None),
    "B24_stable_coin": (["stands still at 1 for 79 rows"], None),
    "B25_stale_test": (["stands still", "2021-12-15", "accept=stale_rows"], dict(accept="stale_rows")),
    "X2_a_sheet_for_each_year": (["'2021', '2022'", "same columns"], None),
    "H1_hongkong": (["fit XNYS"], dict(exchange="XNYS")),
    "T10_run_118_logprices": (["exchange=XBOM"], dict(exchange="XBOM")), "T3_correct_category_rashi": (["exchange=XBOM"], dict(exchange="XBOM")),
    "T4_no_sign_columns_midnight": (["exchange=XBOM"], dict(exchange="XBOM")),
}
FIRST = {"H1_hongkong": dict(exchange="XHKG"), "B13_nifty_from_1996": dict(exchange="XBOM"), "60_jquants": dict(exchange="XTKS")}


@pytest.mark.parametrize("case", REFUSED)
def test_table_is_refused_with_its_cause(case):
    words, remedy = REFUSED[case]
    with pytest.raises(ValueError) as refused:
        enter(case, **FIRST.get(case, {}))
    assert all(word in str(refused.value) for word in words), str(refused.value)
    assert len(str(refused.value)) < 700


@pytest.mark.parametrize("case", [case for case, (_, remedy) in REFUSED.items() if remedy])
def test_remedy_works(case):
    prices, notes = enter(case, **REFUSED[case][1])
    (path,) = FOLDER.glob(f"{case}.*")
    lines = len(path.read_bytes().splitlines()) - 1 if path.suffix == ".csv" else 80
    left = {"75_long_by_symbol": 1 / 3, "B09_daily_ffill_weekends": 56 / 80}.get(case, 0.97)     # one of three, and the sessions alone
    assert left * lines <= len(prices) <= lines + 1, notes
    assert prices.index[-1] <= pd.Timestamp("2022-12-31"), "no day was invented"


def test_every_table_is_judged():
    names = {path.name.split(".")[0] for path in FOLDER.iterdir()}
    others = {"47_thousands", "56_float_noise", "63_btc_247", "74_nixtla_long", "72_unknown_exchange_nse"}
    assert names == set(READ) | set(REFUSED) | others


def test_unknown_exchange_is_named_with_the_nearest():
    with pytest.raises(ValueError, match="unknown exchange 'NSE'.*XBOM"):
        enter("72_unknown_exchange_nse", exchange="NSE")


@pytest.mark.parametrize("case", ["62_btc_default_exchange", "67_big_gap", "70_1898_1901", "B25_stale_test"])
def test_windows_are_behind_the_door(case):
    (path,) = FOLDER.glob(f"{case}.*")
    with collect_notes(), pytest.raises(ValueError) as refused:
        ForecastData(load_ohlc(path), history=6, horizon=2, batch_size=4)
    assert all(word in str(refused.value) for word in REFUSED[case][0])
