"""The shipper alone, without nginx: what it cuts, and that a crash at any step changes nothing in the end."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.nginx import ship
from infra.nginx.ship import ShipError, Shipper, State, cut_minutes

if TYPE_CHECKING:
    from collections.abc import Callable

MINUTE = 29_891_520
NOW_S = (MINUTE + 5) * 60 + 7


def make_line(second: int, sent: int = 100) -> bytes:
    at_s = MINUTE * 60 + second
    return f"{at_s}.250\t-\ta.example\tGET\t/\t200\t{sent}\t{sent}\tHIT\t3\tcurl".encode() + b"\n"


def make_shipper(folder: Path, lines: bytes | None, state: State | None = None) -> Shipper:
    folder.mkdir(parents=True, exist_ok=True)
    if lines is not None:
        (folder / "edge.log").write_bytes(lines)
    if state is not None:
        (folder / ".edge.log.prebill-state.json").write_text(
            json.dumps({"epoch": state.epoch, "offset": state.offset, "next_minute": state.next_minute})
        )
    return Shipper(folder / "edge.log", folder / "spool", "e1", folder / "none.pid")


def read_spool(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "spool" / "e1").iterdir()}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(
        st.one_of(
            st.builds(make_line, st.integers(0, 400), st.integers(0, 10**9)),
            st.sampled_from([b"\n", b"garbage\n", b"\xff\t\t\n", b"99999999999\t-\n"]),
        ),
        max_size=30,
    ),
    tail=st.sampled_from([b"", b"cut sho"]),
)
def test_pieces_are_the_log_without_holes(tmp_path: Path, lines: list[bytes], tail: bytes) -> None:
    content = b"".join(lines) + tail
    body = tmp_path / "body"
    pieces = [(piece, body.read_bytes()) for piece in cut_minutes(BytesIO(content), MINUTE, body)]

    assert b"".join(text for _, text in pieces) == content
    end = 0
    for piece, text in pieces:
        assert (piece.begin, piece.end) == (end, end + len(text))
        assert piece.lines == len(text.splitlines(keepends=True))
        end = piece.end
    minutes = [piece.minute for piece, _ in pieces]
    assert minutes == sorted(set(minutes))


def test_an_earlier_line_stays_where_it_is(tmp_path: Path) -> None:
    lines = [make_line(10), make_line(59), make_line(61), make_line(58), make_line(62), make_line(200)]
    pieces = list(cut_minutes(BytesIO(b"".join(lines)), MINUTE, tmp_path / "body"))
    assert [(piece.minute - MINUTE, piece.lines, piece.bytes_sent) for piece in pieces] == [
        (0, 2, 200),
        (1, 3, 300),
        (3, 1, 100),
    ]


def test_a_broken_line_leaves_the_bytes_unclaimed(tmp_path: Path) -> None:
    (piece,) = cut_minutes(BytesIO(make_line(1) + b"broken\n"), MINUTE, tmp_path / "body")
    assert (piece.lines, piece.bytes_sent) == (2, None)


def test_minutes_without_a_line_are_shipped_empty(tmp_path: Path) -> None:
    shipper = make_shipper(tmp_path, make_line(65) + make_line(190), State("a", 1000, MINUTE))
    shipper.run(NOW_S)

    segments = {name: text for name, text in read_spool(tmp_path).items() if name.endswith(".log")}
    by_minute = {name.split(".")[0][-3:-1]: len(text.splitlines()) for name, text in sorted(segments.items())}
    assert list(by_minute.values()) == [0, 1, 0, 1, 0]
    sidecars = [json.loads(text) for name, text in read_spool(tmp_path).items() if name.endswith(".json")]
    numbered = sorted((s["seq"]["first"], s["seq"]["next"]) for s in sidecars if s["lines"])
    assert [first for first, _ in numbered] == [1000, numbered[0][1]]


def test_nothing_is_shipped_twice(tmp_path: Path) -> None:
    shipper = make_shipper(tmp_path, make_line(65), State("a", 0, MINUTE))
    shipper.run(NOW_S)
    before = read_spool(tmp_path)
    assert shipper.run(NOW_S) == 0
    assert read_spool(tmp_path) == before


def test_a_clock_that_jumped_ahead_does_not_stop_later_heartbeats(tmp_path: Path) -> None:
    shipper = make_shipper(tmp_path, make_line(86_400 * 300), State("a", 0, MINUTE + 5))
    shipper.run(NOW_S)
    assert shipper.run(NOW_S + 120) == 1


class CrashError(Exception):
    """Stands for a kill at one place."""


def crash_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Lets the process die before the `step`-th thing that it does to the disk."""
    left = [step]

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def act(*args: Any, **kwargs: Any) -> Any:
            if left[0] == 0:
                raise CrashError
            left[0] -= 1
            return real(*args, **kwargs)

        return act

    for owner, name in ((Path, "rename"), (Path, "unlink"), (Path, "write_bytes"), (ship, "_settle")):
        monkeypatch.setattr(owner, name, dying(getattr(owner, name)))


def test_a_crash_at_any_step_changes_nothing(tmp_path: Path) -> None:
    first = make_line(5) + make_line(61) + make_line(130)
    later = make_line(195) + make_line(310)
    state = State("a", 0, MINUTE)

    def run_both(folder: Path, crash: int | None) -> bool:
        shipper = make_shipper(folder, first, state)
        crashed = False
        with pytest.MonkeyPatch.context() as patch:
            if crash is not None:
                crash_at(patch, crash)
            try:
                shipper.run(NOW_S - 120)
            except CrashError:
                crashed = True
        # Where the log was renamed before the crash, nginx has begun another; else it goes on in the same one.
        with (folder / "edge.log").open("ab") as log:
            log.write(later)
        make_shipper(folder, None).run(NOW_S)
        return crashed

    run_both(tmp_path / "whole", None)
    expected = read_spool(tmp_path / "whole")
    lines = sorted(first.splitlines() + later.splitlines())
    step = 0
    while run_both(tmp_path / f"crash{step}", step):
        found = read_spool(tmp_path / f"crash{step}")
        segments = {name: text for name, text in found.items() if name.endswith(".log")}
        # Cut before the rename, both halves are one file: other segments, the same lines, each once.
        assert sorted(b"".join(segments.values()).splitlines()) == lines
        assert {name.split(".")[0] for name in segments} == {
            n.split(".")[0] for n in expected if n.endswith(".log")
        }
        step += 1
    assert step >= 15


def test_a_file_that_is_still_written_to_is_not_shipped(tmp_path: Path) -> None:
    shipper = make_shipper(tmp_path, make_line(65), State("a", 0, MINUTE))
    with (tmp_path / "edge.log").open("ab") as held:
        with pytest.raises(ShipError, match="still open in process"):
            shipper.run(NOW_S, patience_s=0.02)
        assert read_spool(tmp_path) == {}
        held.write(make_line(66))
    shipper.run(NOW_S)
    texts = [text for name, text in read_spool(tmp_path).items() if name.endswith(".log")]
    assert sorted(b"".join(texts).splitlines()) == [make_line(65).strip(), make_line(66).strip()]


def test_what_a_lost_state_left_behind_is_shipped_under_its_own_epoch(tmp_path: Path) -> None:
    shipper = make_shipper(tmp_path, make_line(300))
    (tmp_path / "edge.log.prebill-old-500").write_bytes(make_line(65))
    shipper.run(NOW_S)
    sidecars = [json.loads(text) for name, text in read_spool(tmp_path).items() if name.endswith(".json")]
    sequences = {s["seq"]["epoch"]: s["seq"]["first"] for s in sidecars if s["lines"]}
    assert sequences["old"] == 500
    assert len(sequences) == 2


def test_a_state_that_cannot_be_read_says_what_to_do(tmp_path: Path) -> None:
    shipper = make_shipper(tmp_path, make_line(65))
    (tmp_path / ".edge.log.prebill-state.json").write_text("{")
    with pytest.raises(ShipError, match="Delete it to begin a new epoch"):
        shipper.run(NOW_S)
    assert (tmp_path / "edge.log").exists()


@pytest.mark.parametrize("edge", ["", "../e1", "a/b", "ребро"])
def test_an_edge_that_no_spool_can_hold_is_refused(
    tmp_path: Path, edge: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        ship.main(["--log", str(tmp_path / "x.log"), "--spool", str(tmp_path / "spool"), "--edge", edge])
    assert stopped.value.code == 2
    assert "--edge: expected" in capsys.readouterr().err
    assert not (tmp_path / "spool").exists()
