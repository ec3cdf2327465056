"""Why segments are broken or their sidecars useless, on the screens where people look: `run`'s end and `status`."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

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
    assert ran.returncode == 0, ran.stderr
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
