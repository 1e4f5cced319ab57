"""More habits of people with tables, made here from sixty real sessions: read right, or refused by cause."""
import gzip
import io
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from celestial_pgat.core.files import collect_notes
from celestial_pgat.data.calendar import sessions_between
from celestial_pgat.data.columns import OHLC
from celestial_pgat.data.prices import load_ohlc
from celestial_pgat.data.series import check_series
from celestial_pgat.data.windows import ForecastData

BARS = load_ohlc("sp500").iloc[-120:].round(2)


def rows(form: str, bars: pd.DataFrame = BARS, header: str = "") -> str:
    """Write a line for each bar; `form` has the fields d, Open, High, Low, Close."""
    return header + "".join(form.format(d=day, **bar) + "\n" for day, bar in bars.iterrows())


def shown(bars: pd.DataFrame, **options) -> pd.DataFrame:
    """Read a table in memory, whatever is noted."""
    with collect_notes():
        return load_ohlc(bars, **options)


def told(action, *arguments, **options) -> str:
    """Return the words of a refusal."""
    with collect_notes(), pytest.raises(ValueError) as refused:
        action(*arguments, **options)
    return str(refused.value)


PLAIN = "{Open},{High},{Low},{Close}"
TEXTS = {
    "HHMM of New York": (rows("{d:%m/%d/%Y},1600," + PLAIN, header="Date,Time,Open,High,Low,Close\n"), dict(timezone="America/New_York"), 20),
    "a space after the comma": (rows('"{d:%Y-%m-%d}", {Open}, {High}, {Low}, {Close}', header='"Date", "Open", "High", "Low", "Close"\n'), {}, 0),
    "a footer": (rows("{d:%Y-%m-%d}," + PLAIN, header="Date,Open,High,Low,Close\n") + "Source: a statistical office\n", {}, 0),
    "padded titles": (rows("{d:%Y-%m-%d}," + PLAIN, header="ACME Corp,,,,\nCurrency,USD,,,\nDate,Open,High,Low,Close\n"), {}, 0),
    "one name after each role": (rows("{d:%Y-%m-%d}," + PLAIN, header="Date,Open_SPX,High_SPX,Low_SPX,Close_SPX\n"), {}, 0),
    "years, months, days in Chinese": (rows("{d:%Y年%m月%d日}," + PLAIN, header="日期,开盘,最高,最低,收盘\n"), {}, 0),
    "Polish": (rows("{d:%Y-%m-%d}," + PLAIN, header="Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie\n"), {}, 0),
    "September in four letters": (rows("{d:%d %b %Y}," + PLAIN, header="Date,Open,High,Low,Close\n").replace(" Sep ", " Sept "), {}, 0),
    "a previous close beside it": (rows("{d:%Y-%m-%d},1," + PLAIN, header="Date,Prev Close,Open,High,Low,Close\n"), {}, 0),
}


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gz"])
def test_text_is_read_right(kind, pack, tmp_path):
    text, options, hour = TEXTS[kind]
    (tmp_path / "table").write_bytes(pack(text.encode()))
    prices = shown(tmp_path / "table", **options)
    assert np.array_equal(prices, BARS) and prices.index.normalize().equals(BARS.index) and prices.index.hour[0] == hour


def test_frames_are_read_right():
    by_owner = pd.concat({"SPX": BARS}, names=["symbol", "timestamp"]).reset_index()
    assert shown(by_owner.set_index(["symbol", "timestamp"])).equals(BARS.rename_axis("Date"))
    assert shown(BARS.map(lambda x: Decimal(str(x)))).equals(BARS)
    adjusted = BARS.join(BARS.mul(0.5).add_prefix("Adj. "))
    assert np.allclose(shown(adjusted, adjusted=True), BARS / 2)
    with collect_notes() as notes:
        load_ohlc(BARS.assign(adjVolume=1, adjustflag=3))
    assert notes == ["not used: adjVolume, adjustflag"]


def test_the_close_of_the_day_before_is_never_the_close():
    table = BARS[["Close"]].rename(columns={"Close": "Price"}).assign(**{"Prev Close": BARS["Close"].shift().fillna(1.0)})
    assert shown(table, close_only=True)["Close"].equals(BARS["Close"])
    assert shown(BARS[["Close"]].assign(**{"Adj Close": 1.0}), close_only=True)["Close"].equals(BARS["Close"])


def test_counts_since_1970_in_two_units():
    index = (BARS.index.as_unit("ms").asi8 * np.where(np.arange(len(BARS)) > 60, 1000, 1)).astype(float)
    with collect_notes() as notes:
        assert load_ohlc(BARS.reset_index(drop=True).assign(open_time=index)).index.equals(BARS.index)
    assert "milliseconds, then microseconds" in notes[0]


MIDNIGHTS = sessions_between(pd.Timestamp("2021-11-15"), pd.Timestamp("2022-06-30"), "XETR")


@pytest.mark.parametrize("part", [slice(None), slice(60)], ids=["two seasons", "winter"])
def test_midnights_in_utc_with_a_live_row(part):
    days = MIDNIGHTS[part]
    zoned = days.tz_localize("Europe/Berlin").tz_convert("UTC")
    zoned = zoned[:-1].append(zoned[-1:] + pd.Timedelta("16h35min"))
    table = pd.DataFrame(BARS.to_numpy()[np.arange(len(days)) % 120], zoned, list(OHLC)).rename_axis("Date")
    options = {}
    if part != slice(None):
        refused = told(ForecastData, shown(table), 6, 2, 4)
        assert "timezone=Europe/Berlin" in refused and "exchange=XETR" in refused
        options = {"timezone": "Europe/Berlin"}
    with collect_notes() as notes:
        prices = load_ohlc(table, **options)
    assert prices.index.equals(days) and any("not finished" in note for note in notes)


def test_a_morning_in_sydney_keeps_its_day():
    days = sessions_between(pd.Timestamp("2021-02-01"), pd.Timestamp("2021-06-30"), "ASX")
    ten = (days + pd.Timedelta("10h")).tz_localize("Australia/Sydney")
    table = pd.DataFrame(BARS.to_numpy()[np.arange(len(days)) % 120], ten.astype(str), list(OHLC)).rename_axis("time")
    with collect_notes() as notes:
        prices = load_ohlc(table.reset_index())
        assert prices.index.equals(days) and len(ForecastData(prices, 6, 2, 4, exchange="ASX").test)
    assert any("another day in UTC" in note for note in notes)


@pytest.mark.parametrize("spoil, words", [
    (lambda t: t.map("{:.0f}'31".format), "is not a number"),
    (lambda t: t.map(lambda x: f"{x // 20:.0f}'{int(x) % 310:03d}"), "in 32nds"),
    (lambda t: t.map("{:.2f}".format).replace(r"\.", ",", regex=True), "no number with the decimal mark"),
])
def test_numbers_that_are_none(spoil, words):
    assert words in told(load_ohlc, spoil(BARS), decimal=".")


@pytest.mark.parametrize("dates, words", [
    (np.arange(17800, 17920), "1948-09-24.*or 2018-09-26"), ([f"2018-07-1{n % 10} 24:00" for n in range(120)], "no clock shows")])
def test_dates_that_are_none(dates, words):
    import re
    assert re.search(words, told(load_ohlc, BARS.assign(Date=dates).reset_index(drop=True)))


def level(first: int, last: int, factor: float) -> pd.DataFrame:
    table = BARS.copy()
    table.iloc[first:last] *= factor
    return table


@pytest.mark.parametrize("table, exchange, words", [
    (level(60, 64, 100), "XNYS", "times those beside them"), (level(60, 200, 0.5), "XNYS", "split 2:1"),
    (BARS.assign(Low=BARS["Low"].where(BARS.index != BARS.index[50], 0.7 * BARS["Low"])), "XNYS", "far from the Close"),
    (BARS, "24/7", "exchange=XNYS"),
    (BARS.reindex(pd.date_range(BARS.index[0], BARS.index[-1])).interpolate().rename_axis("Date"), "XNYS", "repair=true"),
])
def test_rows_that_do_not_fit(table, exchange, words):
    assert words in told(check_series, table, exchange)


def test_repair_works_in_python_as_on_the_command_line():
    filled = BARS.reindex(pd.date_range(BARS.index[0], BARS.index[-1]), method="ffill").rename_axis("Date")
    with collect_notes():
        assert ForecastData(filled, 6, 2, 4, repair=True).prices.equals(BARS)


def test_a_header_without_a_name_for_the_last_column(tmp_path):
    (tmp_path / "t.csv").write_text(rows("{d:%Y-%m-%d}," + PLAIN + ",1000", header="Date,Open,High,Low,Close\n"))
    assert "5 names" in told(load_ohlc, tmp_path / "t.csv")


def test_many_rows_are_refused_soon():
    """Dates are read once for each that differs: a table of minutes costs about as much as one of days."""
    minutes = pd.date_range("2018-01-01", periods=20_000, freq="min")
    table = io.StringIO("Date,Open,High,Low,Close\n" + "".join(f"{m:%Y-%m-%d %H:%M},1,2,1,2\n" for m in minutes))
    naive = pd.read_csv(table)
    for dates in (naive["Date"], naive["Date"] + "Z", minutes.astype("int64")):       # coins have midnights, too
        assert "shorter than a day" in told(load_ohlc, naive.assign(Date=dates))
