"""The heat map: cells of each size, the worst of each, rulers, shares; and the words for periods."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from pipeline.app.coverage.heat_map import LOOKS, Zoom, cell_starts, draw, share_in, worst_rows, zoom_for
from pipeline.app.coverage.screen import ruler, summary
from pipeline.app.failures import UsageFailure
from pipeline.app.period import Period, parse_period, span_text
from pipeline.coverage.model import Coverage, State, Stream
from pipeline.instants import minute_text

START = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp()) // 60
NOW = datetime(2026, 11, 2, 12, 0, 30, tzinfo=UTC)


def coverage(*lines: tuple[str, str, str], first: int = START) -> Coverage:
    """(edge, stream, letters): a state a letter."""
    of_letter = {look.letter: state for state, look in LOOKS.items()}
    states = np.array([[of_letter[letter] for letter in letters] for _, _, letters in lines], np.uint8)
    return Coverage(tuple(Stream(edge, stream) for edge, stream, _ in lines), first, states)


def test_every_state_has_a_letter_of_its_own() -> None:
    assert set(LOOKS) == set(State)
    assert len({look.letter for look in LOOKS.values()}) == len(State)


@pytest.mark.parametrize(
    ("zoom", "first", "after", "starts"),
    [
        ("minute", 3, 6, [3, 4, 5]),
        ("hour", 30, 150, [30, 60, 120]),
        ("hour", 60, 120, [60]),
        ("day", 1439, 1441, [1439, 1440]),
        ("month", START - 1, START + 1, [START - 1, START]),
        ("month", START, START + 61 * 1440 + 1, [START, START + 30 * 1440, START + 61 * 1440]),
        ("month", START, START + 1, [START]),
    ],
)
def test_cells_begin_where_their_unit_begins(zoom: Zoom, first: int, after: int, starts: list[int]) -> None:
    assert cell_starts(first, after, zoom) == starts


def test_a_cell_shows_the_worst_of_all_streams_in_it() -> None:
    found = coverage(
        ("e1", "access", "r" * 60 + "re" * 30), ("e1", "video", "r" * 119 + "M"), ("e2", "access", "e" * 120)
    )
    heat = draw(found, "hour")
    assert [(row.name, row.cells) for row in heat.rows] == [
        ("e1", (State.RECEIVED, State.MISSING)), ("e2", (State.EMPTY, State.EMPTY)),
    ]  # fmt: skip
    assert [row.name for row in draw(found, "hour", by_stream=True).rows] == [
        "e1/access",
        "e1/video",
        "e2/access",
    ]
    assert heat.counts == {State.RECEIVED: 209, State.EMPTY: 150, State.MISSING: 1}
    assert summary(heat) == (
        "2 rows, 360 expected minutes: 1 missing, 209 received, 150 empty; 99.72 % whole"
    )


@pytest.mark.parametrize(("better", "worse"), [("r", "L"), ("L", "U"), ("U", "S"), ("S", "D"), ("D", "M"), (" ", "p"),
                                               ("p", "r"), ("e", "r"), ("o", "p")])  # fmt: skip
def test_the_order_of_worry(better: str, worse: str) -> None:
    heat = draw(coverage(("e", "access", better + worse)), "hour")
    assert LOOKS[heat.rows[0].cells[0]].letter == worse


def test_nothing_is_called_whole_that_is_not() -> None:
    assert share_in({State.RECEIVED: 10**6, State.MISSING: 1}) != 1
    assert summary(draw(coverage(("e", "access", "r" * 99_999 + "M")), "day")).endswith("99.99 % whole")
    assert share_in({State.PAUSED: 5}) is None


def test_of_many_rows_the_worst_are_shown_in_their_order() -> None:
    rows = draw(
        coverage(("a", "s", "rr"), ("b", "s", "rM"), ("c", "s", "rr"), ("d", "s", "MM")), "minute"
    ).rows
    assert ([row.name for row in worst_rows(rows, 2)[0]], worst_rows(rows, 2)[1]) == (["b", "d"], 2)
    assert worst_rows(rows, 4) == (rows, 0)


def test_a_ruler_names_times_without_running_into_the_next() -> None:
    assert ruler([START + 7 + i for i in range(30)], "minute") == "00:07        00:20     00:30"
    assert ruler([START + 60 * i for i in range(14)], "hour") == "11-01 00    11-01 12"
    assert ruler([START + 1440 * i for i in range(3)], "day") == "11-01"
    assert ruler(cell_starts(START, START + 90 * 1440, "month"), "month") == "2026-11"


@pytest.mark.parametrize(
    ("minutes", "zoom"), [(60, "minute"), (1440, "hour"), (31 * 1440, "day"), (400 * 1440, "month")]
)
def test_the_zoom_fits_the_period(minutes: int, zoom: str) -> None:
    assert zoom_for(minutes) == zoom


def test_periods_are_days_or_times() -> None:
    assert parse_period("2026-11-01", "2026-11-02T00:00:30Z", NOW, 60) == Period(START, START + 1441)
    assert parse_period("2026-11-01T03:00:30+03:00", None, NOW, 60) == Period(START, START + 36 * 60)
    assert parse_period(None, None, NOW, 60) == Period(START + 35 * 60, START + 36 * 60)


@pytest.mark.parametrize(
    ("since", "until", "told"),
    [
        ("yesterday", "2026-13-01", ["--to: expected a date", "--from: expected a date"]),
        ("2026-11-01T00:00:00", None, ["--from: expected a date, or a time with its offset"]),
        ("2026-11-02", "2026-11-01", ["--to: must be after --from"]),
        ("2026-12-01", None, ["--from: must be before now"]),
        (
            "1969-01-01",
            "1969-01-02",
            ["--to: expected a time after 1970", "--from: expected a time after 1970"],
        ),
        ("1990-01-01", "2026-01-01", ["--from: expected at most 800 days"]),
    ],
)
def test_wrong_periods_are_told(since: str, until: str | None, told: list[str]) -> None:
    with pytest.raises(UsageFailure) as caught:
        parse_period(since, until, NOW, 60)
    assert len(caught.value.problems) == len(told)
    assert all(problem.startswith(text) for problem, text in zip(caught.value.problems, told, strict=True))


def test_spans_say_a_day_once() -> None:
    assert minute_text(START) == "2026-11-01T00:00:00Z"
    assert span_text(START + 5, START + 65) == "11-01 00:05 – 01:05"
    assert span_text(START - 5, START + 5) == "10-31 23:55 – 11-01 00:05"
