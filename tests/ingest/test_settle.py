"""When a file in the spool counts as whole, as sequences of looks at it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.ingest.settle import Quiet, Sight, Wait, judge_sight

NOW = 1793491400.0  # 2026-11-01T00:03:20Z
SECOND = 10**9


def sight(**changes: object) -> Sight:
    """A file of an earlier minute that was written right now and never renamed."""
    written = int(NOW * SECOND)
    base = Sight(size=100, mtime_ns=written, ctime_ns=written, inode=7, minute=1793491200 // 60)
    return replace(base, **changes)  # type: ignore[arg-type]


def looks(sights: list[tuple[float, Sight]], settle_s: float = 2.0) -> list[bool]:
    """Whether each look, at seconds after NOW, found the file whole."""
    quiet: Quiet | None = None
    whole = []
    for after_s, seen in sights:
        wait = judge_sight(seen, quiet, NOW + after_s, settle_s)
        quiet = wait.quiet if wait else None
        whole.append(wait is None)
    return whole


def test_what_was_renamed_into_place_does_not_wait() -> None:
    assert judge_sight(sight(sidecar=True), None, NOW) is None
    assert judge_sight(sight(moved=True), None, NOW) is None
    assert judge_sight(sight(ctime_ns=sight().mtime_ns + 1), None, NOW) is None
    current = int(NOW) // 60
    assert judge_sight(sight(moved=True, minute=current), None, NOW) is None
    assert judge_sight(sight(sidecar=True, size=0), None, NOW) is None


def test_an_empty_file_with_a_later_ctime_may_just_have_been_given_its_mode() -> None:
    assert judge_sight(sight(size=0, ctime_ns=sight().mtime_ns + 1), None, NOW) is not None


def test_a_file_that_grows_waits_until_it_lies_quiet() -> None:
    def grown(after_s: float) -> Sight:
        written = int((NOW + after_s) * SECOND)
        return sight(size=100 + int(after_s * 10), mtime_ns=written, ctime_ns=written)

    steps = [(step / 2, grown(step / 2)) for step in range(10)]
    quiet = [(4.5 + step / 2, grown(4.5)) for step in range(1, 6)]
    assert looks(steps + quiet) == [False] * 10 + [False, False, False, True, True]


def test_an_old_file_needs_no_second_look() -> None:
    assert looks([(2.0, sight())]) == [True]
    assert looks([(1.9, sight())]) == [False]


@pytest.mark.parametrize("skew_s", [-3600, 3600])
def test_clocks_that_differ(skew_s: float) -> None:
    """The file server's clock is an hour off: a file that grows is not taken for old, one that is done is not held
    for an hour."""
    done = sight(mtime_ns=int((NOW + skew_s) * SECOND), ctime_ns=int((NOW + skew_s) * SECOND))
    whole = looks([(0.0, done), (1.0, done), (2.0, done)])
    assert whole[-1]
    if skew_s > 0:
        assert whole == [False, False, True]


def test_the_current_minute_is_still_being_filled() -> None:
    minute = int(NOW) // 60  # began 20 s ago
    quiet_since = sight(minute=minute, mtime_ns=int((NOW - 15) * SECOND), ctime_ns=int((NOW - 15) * SECOND))
    wait = judge_sight(quiet_since, None, NOW)
    assert isinstance(wait, Wait)
    assert wait.until_s == (minute + 1) * 60
    assert looks([(0.0, quiet_since), (39.9, quiet_since), (40.0, quiet_since)]) == [False, False, True]


def test_a_file_replaced_by_another_of_the_same_size_starts_again() -> None:
    other = sight(inode=8, mtime_ns=int((NOW + 1.5) * SECOND), ctime_ns=int((NOW + 1.5) * SECOND))
    assert looks([(0.0, sight()), (1.9, other), (2.0, other), (3.5, other)]) == [False, False, False, True]


def test_waiting_ends_when_it_says() -> None:
    wait = judge_sight(sight(), None, NOW)
    assert isinstance(wait, Wait)
    assert judge_sight(sight(), wait.quiet, wait.until_s) is None
    assert judge_sight(sight(), wait.quiet, wait.until_s - 0.001) is not None
