"""Tables of the sky as people have them: each is read right, or refused by the name of the column with cause and remedy.

The files in cases/ are short copies of such tables: made at midnight in a sidereal zodiac (T1, T3, T4, T7) or at 21 UTC (T10).
"""
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from skyfield.framelib import ecliptic_frame

from celestial_pgat.sky.bodies import Body
from celestial_pgat.sky.ephemeris import _NAMES, _kernel, _timescale, body_states
from celestial_pgat.sky.table import read_table
from celestial_pgat.sky.waves import WAVES, longitudes, waves_from_states

CASES = Path(__file__).parent / "cases"
TWELVE = {b: b.label for b in Body if b is not Body.CHIRON} | {Body.NORTH_NODE: "Mean Rahu", Body.SOUTH_NODE: "Mean Ketu"}
PLANETS = [w.name for w in WAVES if not w.body.is_node]
DAYS = pd.bdate_range("2018-01-02", periods=60)
CODES = {"place": None, "from 0": lambda k: k, "from 1": lambda k: k + 1, "first cut": lambda k: np.maximum(k - 1, 0)}


def utc(days: pd.DatetimeIndex, hour: float) -> pd.DatetimeIndex:
    return (days + pd.Timedelta(hours=hour)).tz_localize("UTC")


def turned(states: pd.DataFrame, degrees: float) -> pd.DataFrame:
    """The states in a zodiac turned by so many degrees, their longitudes from 0 to a whole turn."""
    states = states.copy()
    columns = states.columns.get_level_values("quantity") == "longitude"
    states.loc[:, columns] = (states.loc[:, columns] + np.radians(degrees)) % (2 * np.pi)
    return states


def style(states: pd.DataFrame, days: pd.DatetimeIndex, code=None) -> pd.DataFrame:
    """Write states as a table of the 118-column style; `code`: of the number of the sign, None for the place in it."""
    columns = {}
    for body, name in TWELVE.items():
        longitude, speed = (states[body.label, q].to_numpy() for q in ("longitude", "longitude_rate"))
        sign = 12 * longitude if code is None else code(longitude // (np.pi / 6)) * np.pi / 6
        columns |= {f"dyn_{name}_sin": np.sin(longitude), f"dyn_{name}_cos": np.cos(longitude), f"dyn_{name}_speed": np.degrees(speed)}
        columns |= {f"dyn_{name}_sign_sin": np.sin(sign), f"dyn_{name}_sign_cos": np.cos(sign)}
        if not body.is_node:
            columns[f"dyn_{name}_distance"] = states[body.label, "distance"].to_numpy()
    return pd.DataFrame(columns, index=days.rename("date"))


def read(table: pd.DataFrame, folder: Path, hour: float = 21):
    table.to_csv(folder / "table.csv")
    return read_table(folder / "table.csv", hour=hour)


STATES = body_states(utc(DAYS, 21))
GOOD = style(STATES, DAYS)


# ---- the cases

@pytest.mark.parametrize("name", ["T3_correct_category_rashi", "T4_no_sign_columns_midnight", "T7_planet_table_88"])
@pytest.mark.parametrize("hour", [21, 1, 23, 12.5])
def test_a_table_of_midnight_is_never_read_at_another_hour(name, hour):
    with pytest.raises(ValueError, match="Pass hour=0$"):
        read_table(CASES / f"{name}.csv", hour=hour)


@pytest.mark.parametrize("name, hour, signs", [("T3_correct_category_rashi", 0, 24), ("T4_no_sign_columns_midnight", 0, 0),
                                               ("T7_planet_table_88", 0, 24), ("T10_run_118_logprices", 21, 0)])
def test_a_case_is_read_as_the_sky_of_its_dates_in_its_zodiac(name, hour, signs):
    table = read_table(CASES / f"{name}.csv", hour=hour)
    assert np.isclose(np.degrees(table.turn), -24.1, atol=1e-3)
    truth = waves_from_states(turned(body_states(utc(table.waves.index, hour)), -24.1))
    np.testing.assert_allclose(table.waves[PLANETS], truth[PLANETS], atol=1e-4)     # made a second after midnight
    notes = "\n".join(table.notes)
    assert "sidereal, turned by -24.10 degrees" in notes and f"stand for {hour} UTC, which the Moon confirms" in notes
    assert ("24 sign columns such as dyn_Sun_sign_sin hold the number of the sign" in notes) == bool(signs)
    columns = set(pd.read_csv(CASES / f"{name}.csv", nrows=1)) - {"date"}
    prices = 4 if table.prices is not None else 0
    assert len(columns) - len(table.unused) == 113 - len(table.filled) - signs + prices, "each is used or named"
    assert f"unused columns of the file: {len(table.unused)}," in repr(table)


@pytest.mark.parametrize("name", ["T1_real_layout.csv", "T9_returns.parquet"])
def test_log_returns_are_refused_by_the_names_of_the_columns(name):
    with pytest.raises(ValueError, match="log_Open, log_High, log_Low, log_Close .* log returns.*drop the four columns"):
        read_table(CASES / name, hour=0)


def test_without_its_returns_the_real_layout_is_read(tmp_path):
    table = pd.read_csv(CASES / "T1_real_layout.csv", index_col="date")
    read_again = read(table.drop(columns=[c for c in table if c.startswith("log_")]), tmp_path, hour=0)
    truth = waves_from_states(turned(body_states(utc(read_again.waves.index, 0)), -24.1))
    np.testing.assert_allclose(read_again.waves[PLANETS], truth[PLANETS], atol=1e-4)     # made a second after midnight
    assert "time_delta is not used; it is the days since the row before / 5" in read_again.notes
    assert {"time_delta", "dyn_Sun_shadbala", "Ascendant_sin", "dyn_Moon_sign_cos"} <= set(read_again.unused)


# ---- any hour, any zodiac, any coding

@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hour=st.integers(0, 23), degrees=st.floats(0, 30), code=st.sampled_from(list(CODES)), start=st.dates(pd.Timestamp("1950-01-01").date(),
       pd.Timestamp("2050-01-01").date()), other=st.integers(1, 23))
def test_whatever_hour_zodiac_and_sign_coding_the_waves_are_those_of_the_sky(tmp_path, hour, degrees, code, start, other):
    days = pd.bdate_range(start, periods=40)
    states = turned(body_states(utc(days, hour)), -degrees)
    truth, table = waves_from_states(states), style(states, days, CODES[code])
    found = read(table, tmp_path, hour)
    atol = 1e-6 if degrees > 0.02 or degrees == 0 else 12 * np.radians(0.02)     # so small a turn is taken for none
    np.testing.assert_allclose(found.waves, truth, atol=atol)
    assert np.isclose(np.degrees(found.turn), -degrees, atol=0.021)
    with pytest.raises(ValueError, match=f"Pass hour={hour}$"):
        read(table, tmp_path, (hour + other) % 24)


@pytest.mark.parametrize("decimals", [4, 5])
def test_few_decimals_are_enough(tmp_path, decimals):
    table = read(GOOD.round(decimals), tmp_path)
    np.testing.assert_allclose(longitudes(table.waves)["Moon"], longitudes(waves_from_states(STATES))["Moon"], atol=1e-3)
    with pytest.raises(ValueError, match="Pass hour=21$"):
        read(GOOD.round(decimals), tmp_path, hour=20)


def test_the_equinox_of_2000_is_a_small_turn_that_is_said(tmp_path):
    table = read(style(turned(STATES, -0.25), DAYS), tmp_path)
    assert np.isclose(np.degrees(table.turn), -0.25) and any("turned by -0.25 degrees" in note for note in table.notes)


# ---- what is wrong is named

def exchange(table: pd.DataFrame, one: str, other: str) -> pd.DataFrame:
    swap = {c: c.replace(one, other) if f"_{one}_" in c else c.replace(other, one) for c in table if f"_{one}_" in c or f"_{other}_" in c}
    return table.rename(columns=swap)


def off_clock(hours: float) -> pd.DataFrame:
    """A table whose rows are so many hours after 21 UTC."""
    return style(body_states(utc(DAYS, 21 + hours)), DAYS)


def with_longitude(longitude: dict[str, np.ndarray], days: pd.DatetimeIndex, table: pd.DataFrame) -> pd.DataFrame:
    """Replace longitudes, and the speeds with them, and drop the signs."""
    table = table.drop(columns=[c for c in table if "_sign_" in c])
    for name, angle in longitude.items():
        speed = np.degrees(np.gradient(np.unwrap(angle), (days - days[0]) / pd.Timedelta("1D")))
        table = table.assign(**{f"dyn_{name}_sin": np.sin(angle), f"dyn_{name}_cos": np.cos(angle), f"dyn_{name}_speed": speed})
    return table


def heliocentric() -> pd.DataFrame:
    days = pd.date_range("2018-01-02", periods=80)
    t, sun = _timescale().from_datetimes(list(utc(days, 21))), _kernel()["sun"]
    names = [b for b in _NAMES if b not in (Body.SUN, Body.MOON)]
    longitude = {b.label: sun.at(t).observe(_kernel()[_NAMES[b]]).frame_latlon(ecliptic_frame)[1].radians for b in names}
    return with_longitude(longitude, days, style(body_states(utc(days, 21)), days))


def right_ascension() -> pd.DataFrame:
    tilt, columns = np.radians(23.4366), {}
    for body in list(Body)[:10]:
        x = STATES[body.label, "longitude"].to_numpy()
        columns[body.label] = np.arctan2(np.sin(x) * np.cos(tilt), np.cos(x))
    return with_longitude(columns, DAYS, GOOD)


def parallax() -> pd.DataFrame:
    moon, sun = (STATES[name, "longitude"].to_numpy() for name in ("Moon", "Sun"))
    return with_longitude({"Moon": moon + np.radians(0.8) * np.sin(moon - sun)}, DAYS, GOOD)


SPRING = pd.bdate_range("2018-02-12", periods=60)
LATER = style(body_states(utc(SPRING, 21)), SPRING)
angle = lambda name: np.degrees(STATES[name, "longitude"].to_numpy())
swap = lambda name: {f"dyn_{name}_sin": GOOD[f"dyn_{name}_cos"], f"dyn_{name}_cos": GOOD[f"dyn_{name}_sin"]}
everything_swapped = GOOD.rename(columns={c: c.replace("_sin", "_#").replace("_cos", "_sin").replace("_#", "_cos") for c in GOOD})
FAULTS = {
    "speed in radians": (GOOD.assign(dyn_Mars_speed=np.radians(GOOD["dyn_Mars_speed"])), "dyn_Mars_speed.*radians per day"),
    "speed an hour": (GOOD.assign(dyn_Sun_speed=GOOD["dyn_Sun_speed"] / 24), "dyn_Sun_speed.*degrees per hour"),
    "retrograde lost": (LATER.assign(dyn_Mercury_speed=LATER["dyn_Mercury_speed"].abs()), "dyn_Mercury_speed.*minus of its retrograde days is lost"),
    "degrees for sines": (GOOD.assign(dyn_Sun_sin=angle("Sun"), dyn_Sun_cos=angle("Sun")), "dyn_Sun_sin = .*angles in degrees"),
    "radians for sines": (GOOD.assign(dyn_Sun_sin=np.radians(angle("Sun"))), "dyn_Sun_sin = .*angles in radians"),
    "standardised": (GOOD.assign(dyn_Moon_sin=(GOOD["dyn_Moon_sin"] + 1) / 0.7), "dyn_Moon_sin = .*not standardised"),
    "sine and cosine of all": (everything_swapped, "dyn_Sun_speed.*sine and cosine look exchanged"),
    "sine and cosine of one": (GOOD.assign(**swap("Mars")), "dyn_Mars_speed.*sine and cosine.*exchanged"),
    "and without its speed": (GOOD.assign(**swap("Saturn")).drop(columns=[c for c in GOOD if "Saturn_s" in c and c[-5:] == "speed" or "sign" in c]),
                              "dyn_Saturn_sin and dyn_Saturn_cos are .*sine and cosine look exchanged"),
    "Rahu is Ketu": (exchange(GOOD, "Mean Rahu", "Mean Ketu"), "dyn_Mean Rahu_sin and dyn_Mean Rahu_cos.*Rahu and Ketu look exchanged"),
    "Venus is Mars": (exchange(GOOD, "Venus", "Mars").assign(**{c: GOOD[c] for c in GOOD if "distance" in c}), "dyn_Venus_sin and.*it follows Mars"),
    "a day late": (off_clock(-24), "rows look one day late.*Move the dates by -1"),
    "a day early": (off_clock(24), "rows look one day early.*Move the dates by .1"),
    "midnight in Tokyo": (off_clock(-30), "rows look one day late: their sky is that of the day before at 15 UTC"),
    "close in New York": (style(body_states(pd.DatetimeIndex(SPRING + pd.Timedelta("16h")).tz_localize("America/New_York").tz_convert("UTC")), SPRING),
                          "summer time"),
    "a Moon with sine and cosine exchanged": (GOOD.assign(**swap("Moon")).drop(columns=[c for c in GOOD if "Moon_sp" in c or "sign" in c]),
                                              "dyn_Moon_sin and dyn_Moon_cos are .*sine and cosine look exchanged"),
    "seen from a place": (parallax(), "no hour fits the Moon.*as seen from one place"),
    "from the Sun": (heliocentric(), "heliocentric"),
    "right ascension": (right_ascension(), "not those of its dates|a right ascension"),
    "another year": (style(STATES, DAYS + pd.Timedelta(days=2002)), "not those of its dates"),
    "dates of the row after": (GOOD.shift(1).dropna(), "the dates do not fit the rows: .* shifted by a row"),
    "a frozen Moon": (GOOD.assign(dyn_Moon_sin=0.6, dyn_Moon_cos=0.8), "dyn_Moon_speed.*its longitude never changes"),
    "a constant sign": (GOOD.assign(**{c: 0.0 if c.endswith("sin") else 1.0 for c in GOOD if "_sign_" in c}), "dyn_Sun_sign_sin and dyn_Sun_sign_cos are neither"),
    "kilometres": (GOOD.assign(dyn_Sun_distance=GOOD["dyn_Sun_distance"] * 1.496e8), "dyn_Sun_distance, the distance of Sun.*give it in au"),
    "distance from the Sun": (GOOD.assign(dyn_Mars_distance=1.5), "dyn_Mars_distance is not the distance of Mars.*measured from the Sun"),
    "sign of another": (GOOD.assign(dyn_Sun_sign_sin=GOOD["dyn_Moon_sign_sin"], dyn_Sun_sign_cos=GOOD["dyn_Moon_sign_cos"]),
                        "dyn_Sun_sign_sin and dyn_Sun_sign_cos are neither.*1 of 12 bodies"),
    "prices for logarithms": (GOOD.assign(**{f"log_{n}": np.linspace(2500, 2600, 60) for n in ("Open", "High", "Low", "Close")}),
                              "log_Open, log_High, log_Low, log_Close .* look like prices"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named(fault, tmp_path):
    table, words = FAULTS[fault]
    with pytest.raises(ValueError, match=words):
        read(table, tmp_path)


def test_the_good_table_has_none_of_these_faults(tmp_path):
    table = read(GOOD, tmp_path)
    np.testing.assert_allclose(table.waves, waves_from_states(STATES), atol=1e-9)
    assert table.turn == 0 and table.unused == []


def test_one_row_of_another_hour_is_found(tmp_path):
    table = GOOD.copy()
    row = style(body_states(utc(DAYS[[30]], 23)), DAYS[[30]])
    table.iloc[30] = row.iloc[0]
    with pytest.raises(ValueError, match=f"no hour fits the Moon.* 1 of 60 rows are off, that of {DAYS[30]:%Y-%m-%d} by .2.0 hours"):
        read(table, tmp_path)


def test_times_with_their_zone_need_no_hour(tmp_path):
    """The close of New York, in winter and in summer: what the error for bare dates advises is read right."""
    local = pd.DatetimeIndex(SPRING + pd.Timedelta("16h")).tz_localize("America/New_York")
    table = style(body_states(local), SPRING).set_axis(local.strftime("%Y-%m-%dT%H:%M%z").rename("date"))
    found = read(table, tmp_path)
    np.testing.assert_allclose(found.waves, waves_from_states(body_states(local)), atol=1e-9)
    assert list(found.waves.index) == list(local.tz_convert("UTC").tz_localize(None))


def test_without_a_moon_the_sun_is_the_clock_and_without_both_it_is_said(tmp_path):
    no_moon = GOOD.drop(columns=[c for c in GOOD if "Moon" in c])
    assert "bare dates stand for 21 UTC, which the Sun confirms to the minute" in read(no_moon, tmp_path).notes
    with pytest.raises(ValueError, match="the Sun in the file is .18 hours .* Pass hour=21$"):
        read(no_moon, tmp_path, hour=3)
    with pytest.raises(ValueError, match="another hour or a turned zodiac, and without the Moon"):
        read(GOOD[[c for c in GOOD if "Sun" in c]], tmp_path, hour=3)
    neither = no_moon.drop(columns=[c for c in no_moon if "Sun" in c])
    assert any("21 UTC, which the file cannot confirm" in note for note in read(neither, tmp_path).notes)


@pytest.mark.parametrize("lonely", [["dyn_Sun_sin", "dyn_Sun_cos", "dyn_Sun_speed"]])
def test_a_sign_without_its_longitude_is_computed_and_said(tmp_path, lonely):
    table = read(GOOD.drop(columns=lonely), tmp_path)
    assert table.unused == ["dyn_Sun_sign_sin", "dyn_Sun_sign_cos"]
    assert any("dyn_Sun_sign_sin and dyn_Sun_sign_cos cannot be checked" in note for note in table.notes)
    np.testing.assert_allclose(table.waves, waves_from_states(STATES), atol=1e-9)
