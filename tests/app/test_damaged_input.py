"""Damaged input as a stranger gives it: no traceback, nothing counted in silence, a sentence that says what to do."""

from __future__ import annotations

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
