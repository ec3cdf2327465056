"""Given a real nginx under load, its log rotated and shipped all along, what is counted is what clients received."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .conftest import Edge

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 12
ROTATE_S = 2.5


def _ship(edge: Edge, spool: Path) -> None:
    command = [
        sys.executable,
        str(ROOT / "infra/nginx/ship.py"),
        "--log",
        str(edge.log),
        "--spool",
        str(spool),
    ]
    subprocess.run([*command, "--edge", "e1", "--pid", str(edge.pid_file)], check=True, timeout=90)


def _prebill(folder: Path, *arguments: str) -> Any:
    command = [
        sys.executable,
        "-m",
        "pipeline.app.main",
        *arguments,
        "--config",
        str(folder / "prebill.toml"),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, (
        f"prebill {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    )
    return json.loads(done.stdout)


def test_what_is_counted_is_what_clients_received(edge: Edge, tmp_path: Path) -> None:
    spool, counts = tmp_path / "spool", tmp_path / "counts.json"
    (tmp_path / "prebill.toml").write_text(
        f'[store]\ndsn = "chdb://{tmp_path / "store"}"\n[spool]\npath = "{spool}"\nformat = "edge-tsv"\n'
        '[[edge]]\nid = "e1"\nfrom = 2026-01-01T00:00:00Z\n'
    )

    # When clients ask for seven kinds of things while the log is taken away every few seconds
    options = ["--port", str(edge.port), "--seconds", str(SECONDS), "--counts", str(counts)]
    load = subprocess.Popen([sys.executable, "-m", "loadtest.locust_edge", *options], cwd=ROOT)
    rotations = 0
    while load.poll() is None:
        try:
            load.wait(ROTATE_S)
        except subprocess.TimeoutExpired:
            _ship(edge, spool)
            rotations += 1
    assert load.returncode == 0, "Locust saw failed requests: its messages are above"
    _ship(edge, spool)

    # and the pipeline reads what was shipped
    _prebill(tmp_path, "run", "--once", "--json")
    rows = _prebill(
        tmp_path,
        "sql",
        "SELECT resource, sum(requests) AS requests, sum(bytes_sent) AS bytes_sent, sum(body_bytes) AS body_bytes "
        "FROM usage GROUP BY resource",
        "--json",
    )
    segments = _prebill(
        tmp_path, "sql", "SELECT state, lines, malformed, flagged, duplicates FROM segments", "--json"
    )

    # Then each host has the requests, bytes and body bytes that its clients read from their sockets
    received = json.loads(counts.read_text())
    counted = {
        row["resource"]: [int(row[name]) for name in ("requests", "bytes_sent", "body_bytes")] for row in rows
    }
    assert counted == received["received"]
    assert rotations >= 3
    requests = sum(requests for requests, _, _ in counted.values())
    assert requests > 1_000
    assert sum(int(row["lines"]) for row in segments) == requests
    assert {row["state"] for row in segments} <= {"received", "empty"}
    assert all(int(row[fault]) == 0 for row in segments for fault in ("malformed", "flagged", "duplicates"))


def test_shipped_bytes_have_no_holes(edge: Edge, tmp_path: Path) -> None:
    spool, counts = tmp_path / "spool", tmp_path / "counts.json"
    options = ["--port", str(edge.port), "--seconds", "2", "--users", "5", "--counts", str(counts)]
    for _ in range(2):
        subprocess.run(
            [sys.executable, "-m", "loadtest.locust_edge", *options], cwd=ROOT, check=True, timeout=60
        )
        _ship(edge, spool)

    sequences = []
    for sidecar in (spool / "e1").glob("*.log.json"):
        content = sidecar.with_suffix("").read_bytes()
        claims = json.loads(sidecar.read_text())
        assert claims["lines"] == content.count(b"\n")
        assert claims["bytes_sent"] == sum(int(line.split(b"\t")[6]) for line in content.splitlines())
        assert claims["seq"]["next"] - claims["seq"]["first"] == len(content)
        sequences.append((claims["seq"]["first"], claims["seq"]["next"]))
    sequences.sort()
    assert len(sequences) >= 2
    assert sequences[0][0] == 0
    assert all(before[1] == after[0] for before, after in pairwise(sequences))


def test_every_line_is_one_line_whatever_a_client_sends(edge: Edge, tmp_path: Path) -> None:
    import socket

    with socket.create_connection(("127.0.0.1", edge.port)) as connection:
        connection.sendall(
            'GET /o/1/1?"\t\\п=\x01 HTTP/1.1\r\nHost: IMG.Site1.Example.com:80\r\nUser-Agent: a\tb"ш\\\r\n'
            "Connection: close\r\n\r\n".encode()
        )
        while connection.recv(4096):
            pass
    _ship(edge, tmp_path / "spool")

    content = b"".join(path.read_bytes() for path in (tmp_path / "spool" / "e1").glob("*.log"))
    (line,) = content.splitlines()
    columns = line.split(b"\t")
    assert len(columns) == 11
    assert content.isascii()
    assert columns[1] == b"-"
    # nginx refuses the control byte in the request, and names the host that stands in for all strangers.
    assert columns[5] == b"400"
