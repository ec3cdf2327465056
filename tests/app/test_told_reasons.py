"""Why segments are broken or their sidecars useless, on the screens where people look: `run`'s end and `status`."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from .conftest import Prebill
from .test_store_commands import CONFIG, lines, write_segment


def test_reasons_are_told_where_people_look(prebill: Prebill, tmp_path: Path) -> None:
    (tmp_path / "prebill.toml").write_text(CONFIG.format(folder=tmp_path))
    spool = tmp_path / "spool"
    (spool / "e1").mkdir(parents=True)
    cut = gzip.compress(lines(3, "c.example", 50, 15).encode())[:-20]
    (spool / "e1" / ".cut").write_bytes(cut)
    (spool / "e1" / ".cut").rename(spool / "e1" / "20261101T0003Z.log.gz")
    for minute in range(4, 10):
        path = write_segment(spool, "e1", minute, lines(minute, "d.example", 1, 100 + minute))
        path.with_name(f"{path.name}.json").write_text('{"lines": "many\\u0007"}')
    ran = prebill("run", "--once", "--json")
    assert ran.returncode == 1, ran.stderr
    report = json.loads(ran.stdout)
    assert report["with_reason"] == len(report["reasons"]) == 7
    assert "20261101T0009Z.log: received: sidecar" in ran.stderr
    assert "… 2 more with a reason" in ran.stderr

    status = json.loads(prebill("status", "--json").stdout)
    assert status["with_reason"] == {"received": 6, "empty": 0, "damaged": 1, "quarantined": 0}
    (damaged,) = [told for told in status["reasons"] if told["state"] == "damaged"]
    assert (damaged["edge"], damaged["minute"]) == ("e1", "2026-11-01T00:03:00Z")
    assert damaged["path"].endswith("spool/e1/20261101T0003Z.log.gz")
    assert "gzip" in damaged["reason"]
    shown = prebill("status")
    assert f"damaged: e1/access 2026-11-01T00:03:00Z: {damaged['reason']}" in shown.stdout
    assert shown.stdout.count("sidecar") == 3
    assert "… 3 more received with a reason" in shown.stdout

    # what came whole since then has nothing against it any more
    (spool / "e1" / "20261101T0003Z.log.gz").unlink()
    write_segment(spool, "e1", 3, lines(3, "c.example", 50, 15))
    assert prebill("run", "--once").returncode == 0
    status = json.loads(prebill("status", "--json").stdout)
    assert status["with_reason"]["damaged"] == 0


def test_what_no_line_of_is_read_is_a_gap_until_the_format_is_mended(
    prebill: Prebill, tmp_path: Path
) -> None:
    config = tmp_path / "prebill.toml"
    text = CONFIG.format(folder=tmp_path)
    config.write_text(text.replace("[spool]", '[spool]\nformat = "combined"'))
    path = write_segment(tmp_path / "spool", "e1", 3, lines(3, "c.example", 5, 15))
    now = ("--now", "2026-11-01T00:30:00Z")
    assert prebill("run", "--once", *now).returncode == 1

    def broken() -> dict[str, str]:
        checks = json.loads(prebill("doctor", "--json").stdout)
        (found,) = [check for check in checks if check["name"] == "segments"]
        return dict(found)

    def gap() -> dict[str, Any]:
        """That of the segment's minute."""
        found = json.loads(prebill("gaps", "--closed", "--json", *now).stdout)
        (of_minute,) = [
            gap for gap in found if gap["from"] == "2026-11-01T00:03:00Z" and gap["class"] == "damaged"
        ]
        return dict(of_minute)

    lost = gap()
    assert (lost["edge"], lost["minutes"], lost["lost_lines"], lost["state"]) == ("e1", 1, 5, "open")
    assert any(word.startswith("quarantined: none of its 5 lines") for word in lost["evidence"])
    told = broken()
    assert told["state"] == "note"
    assert told["found"].startswith(
        f"1 quarantined; quarantined: spool/e1/{path.name}: none of its 5 lines can be read"
    )
    assert "edge-tsv reads them" in told["found"]
    assert "Once spool.format is mended" in told["mend"]

    config.write_text(text)
    spool = json.loads(prebill("status", "--json").stdout)["spool"]
    assert spool["unread"] == 1
    assert prebill("run", "--once", *now).returncode == 0
    assert broken()["found"] == "1 in, none quarantined or damaged"
    status = json.loads(prebill("status", "--json").stdout)
    assert (status["lines"], status["spool"]["unread"]) == (5, 0)
    assert (gap()["id"], gap()["state"]) == (lost["id"], "closed")
