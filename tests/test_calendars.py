"""Every calendar that can be asked for: built, asked at the edges of its record, and recognised from its own sessions."""
import numpy as np
import pandas as pd
import pytest
from exchange_calendars import get_calendar, get_calendar_names
from pandas.tseries.holiday import AbstractHolidayCalendar

from celestial_pgat.data.calendar import (CALENDAR_FEATURES, MAJOR_EXCHANGES, POPULAR_NAMES, calendar_features, exchange_code,
                                          fit_exchanges, next_sessions, propose_exchange, recorded_span, scheduled_holidays,
                                          scheduled_sessions, sessions_between)

CODES = get_calendar_names(include_aliases=False)
WRONG_UPSTREAM = {"ASEX", "XBEL", "XBSE", "XCYS", "XTAE"}    # these cannot be built by exchange_calendars under pandas 3
STRETCHES = [("2015-01-01", "2020-12-31"), ("2021-01-04", "2026-11-24"), ("2026-01-01", "2027-06-30")]


def within(code: str, stretch: tuple[str, str]) -> tuple[pd.Timestamp, pd.Timestamp] | None:
    """The part of a stretch that a calendar records, or None."""
    first, last = recorded_span(code)
    start, end = max(pd.Timestamp(stretch[0]), first), min(pd.Timestamp(stretch[1]), last)
    return (start, end) if start < end else None


def test_there_are_71():
    assert len(CODES) == 71


@pytest.mark.parametrize("code", CODES)
def test_every_function_works_over_all_that_is_recorded(code):
    for stretch in STRETCHES:
        if not (part := within(code, stretch)):
            assert code in {"AIXK", "XSAU"} and stretch == STRETCHES[0], f"{code} should reach into {stretch}"
            continue
        sessions, holidays = sessions_between(*part, code), scheduled_holidays(*part, code)
        assert len(sessions) > 0.6 * (part[1] - part[0]).days and sessions.is_monotonic_increasing and sessions.is_unique
        assert not holidays.isin(sessions).any(), "a scheduled holiday is no session"
        assert sessions.isin(scheduled_sessions(*part, code)).all()
        features = calendar_features(sessions, code)
        assert list(features) == list(CALENDAR_FEATURES) and np.isfinite(features.to_numpy()).all()
        assert (features["since_scheduled"] <= np.log1p(12)).all(), "a scheduled break of more than eleven days"
        middle = len(sessions) // 2
        assert next_sessions(sessions[middle], 10, code).equals(sessions[middle + 1:middle + 11])


@pytest.mark.parametrize("code", CODES)
def test_the_sessions_are_those_of_exchange_calendars_but_for_weekends(code, monkeypatch):
    if code in WRONG_UPSTREAM:
        pytest.skip("cannot be built by exchange_calendars under pandas 3; its rules are tried in the test above")
    part = within(code, ("2021-01-01", "2026-12-31"))
    monkeypatch.setattr(AbstractHolidayCalendar, "start_date", part[0] - pd.Timedelta(days=366))     # else of 230 years
    monkeypatch.setattr(AbstractHolidayCalendar, "end_date", part[1] + pd.Timedelta(days=366))
    theirs = get_calendar(code, start=part[0], end=part[1]).sessions
    ours = sessions_between(*part, code)
    assert theirs.isin(ours).all()
    assert (ours.difference(theirs).day_of_week >= 5).all() and len(ours.difference(theirs)) <= 20


@pytest.mark.parametrize("code", CODES)
def test_three_years_across_a_decade_are_those_of_each_year(code):
    years = [part for year in (2019, 2020, 2021) if (part := within(code, (f"{year}-01-01", f"{year}-12-31")))]
    each = [day for part in years for day in sessions_between(*part, code)]
    assert [*sessions_between(years[0][0], years[-1][1], code)] == each


@pytest.mark.parametrize("code", CODES)
def test_both_edges_of_a_record_work_and_beyond_them_is_a_clear_refusal(code):
    first, last = recorded_span(code)
    if first == recorded_span("XNYS")[0] and last == recorded_span("XNYS")[1]:
        return
    for edge, outside, words in [(first, -3, "the first 3 rows, before"), (last, 3, "the last 3 rows, after")]:
        if edge in recorded_span("XNYS"):
            continue
        inside = pd.date_range(*sorted([edge, edge - np.sign(outside) * pd.Timedelta(days=20)]))
        assert np.isfinite(calendar_features(inside, code).to_numpy()).all()
        over = pd.date_range(*sorted([edge - np.sign(outside) * pd.Timedelta(days=4), edge + pd.Timedelta(days=outside)]))
        with pytest.raises(ValueError, match=f"3 of 8 dates lie outside: leave out {words} {edge:%Y-%m-%d}") as error:
            calendar_features(over, code)
        assert f"calendar of {code} (" in str(error.value)
    if last < recorded_span("XNYS")[1]:
        with pytest.raises(ValueError, match=f"recorded to {last:%Y-%m-%d}, and only .* of the 300 sessions .*: ask for"):
            next_sessions(last - pd.Timedelta(days=50), 300, code)


def test_bombay_from_1997_needs_nothing_before():
    """A table that begins with the record is fine, although the countdowns would like to look thirty days further back."""
    days = sessions_between(pd.Timestamp("1997-01-01"), pd.Timestamp("1998-12-31"), "XBOM")
    assert len(calendar_features(days, "XBOM")) == len(days) > 450


def test_weekends_that_are_sessions_count():
    """In Tel Aviv Sunday followed Thursday until the end of 2025; Saudi Arabia still keeps this week."""
    for code, week in [("XTAE", ("2018-06-03", "2018-06-07")), ("XSAU", ("2023-06-04", "2023-06-08"))]:
        days = pd.date_range(*week)
        assert sessions_between(days[0], days[-1], code).equals(days)
        assert np.expm1(calendar_features(days, code)["since_scheduled"]).round().tolist() == [3, 1, 1, 1, 1]


@pytest.mark.parametrize("name", get_calendar_names(include_aliases=True))
def test_every_alias_works_in_any_case(name):
    assert exchange_code(name) == exchange_code(name.lower()) == exchange_code(f" {name.upper()} ") in CODES


@pytest.mark.parametrize("name", POPULAR_NAMES)
def test_popular_names_are_answered_with_a_code_that_exists(name):
    with pytest.raises(ValueError, match=f"unknown exchange '{name.lower()}'; use ") as error:
        exchange_code(name.lower())
    advice = str(error.value).split("; use ")[1]
    named = [word for word in advice.replace("(", " ").replace(",", " ").split() if word in get_calendar_names()]
    assert named, advice


@pytest.mark.parametrize("code", CODES)
def test_an_exchange_is_recognised_by_its_sessions(code):
    part = pd.Timestamp("2023-06-01"), pd.Timestamp("2026-05-29")
    days = sessions_between(*part, code)
    best = fit_exchanges(days)
    assert best.loc[code].sum() == 0 and best.iloc[0].sum() == 0
    assert sessions_between(*part, best.index[0]).equals(days), "the first is this exchange, or one with the same sessions"
    far = next(other for other in ("XNYS", "XTKS") if best.loc[other].sum() > 0.02)
    proposed = propose_exchange(days, far)
    assert proposed == best.index[0] and propose_exchange(days, code) is None


def test_major_exchanges_come_first_among_equals():
    part = pd.Timestamp("2023-06-01"), pd.Timestamp("2026-05-29")
    for code in MAJOR_EXCHANGES[:9]:
        assert propose_exchange(sessions_between(*part, code), "XICE") == code
