"""Damaged input as a stranger gives it: no traceback, nothing counted in silence, a sentence that says what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .conftest import Prebill

PLAN = """id = "p"
currency = "RUB"
valid_from = 2026-01-01
[[charge]]
id = "traffic"
meter = "bytes_sent"
unit = "GB"
model = "per_unit"
unit_price = "1.20"
"""
OCTOBER = '"period": {"from": "2026-10-01", "to": "2026-11-01"}'


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("q.json", f'{{"quantities": {{"traffic": "1", "traffic": "2"}}, {OCTOBER}}}', '"traffic" 2 times'),
        (
            "q.json",
            '{"quantities": {"traffic": "1"}, "period": {"from": "0001-01-01", "to": "9999-11-01"}}',
            "period.from: expected a time from 1971 to 2105; found '0001-01-01'",
        ),
        (
            "q.json",
            '{"quantities": {"traffic": "1"}, "period": {"from": "2026-11-01", "to": "2026-10-01"}}',
            "period: expected from before to, found 2026-11-01T00:00:00Z and 2026-10-01T00:00:00Z",
        ),
        ("u.csv", "minute,bytes_sent\n1790812800,5\n", "are they seconds?"),
        ("u.csv", "minute,bytes_sent,bytes_sent\n2026-10-01T00:00:00Z,5,6\n", "expected once, found 2 times"),
        ("u.csv", b"\x82\x00\n\x82,\x82\n", "in UTF-8, found something else at byte 0"),
    ],
)
def test_damaged_usage_is_told(
    prebill: Prebill, tmp_path: Path, name: str, content: str | bytes, told: str
) -> None:
    (tmp_path / "plan.toml").write_text(PLAN, encoding="utf-8")
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    done = prebill("price", "--plan", "plan.toml", "--usage", name, "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_book_with_what_is_no_plan_in_it_is_told_and_not_waited_for(
    prebill: Prebill, tmp_path: Path
) -> None:
    book = tmp_path / "book"
    book.mkdir()
    os.mkfifo(book / "a.toml")
    (book / "b.toml").mkdir()
    (book / "c.toml").symlink_to("nowhere")
    (book / "d.toml").write_bytes(b"\xef\xbb\xbf" + PLAN.encode())
    (book / "e.toml").write_bytes(b"\xff\xfe")
    done = prebill("plans", "check", "book")
    assert done.returncode == 1
    assert [line for line in done.stdout.splitlines() if not line.startswith("note")] == [
        "book/a.toml: expected a file, found a folder or a pipe",
        "book/b.toml: expected a file, found a folder or a pipe",
        "book/c.toml: cannot be read: no such file or directory",
        "book/e.toml: expected UTF-8, found something else at byte 0",
    ]


def test_a_byte_order_mark_of_an_editor_is_no_fault(prebill: Prebill, tmp_path: Path) -> None:
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "p.toml").write_bytes(b"\xef\xbb\xbf" + PLAN.encode())
    (tmp_path / "prebill.toml").write_bytes(
        b'\xef\xbb\xbf[store]\ndsn = "chdb:///store"\n[spool]\npath = "spool"\n'
    )
    done = prebill("plans", "check")
    assert (done.returncode, done.stdout) == (0, "note: p version 1: no name, so bills call it by its id\n")
