"""DSNs: what is understood, and what an error says."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.store.dsn import ChdbDsn, ServerDsn, parse_dsn
from pipeline.store.errors import DsnError


def test_a_folder() -> None:
    assert parse_dsn("chdb:///var/lib/prebill") == ChdbDsn(Path("/var/lib/prebill"))
    assert parse_dsn("chdb:///var/lib/with%20space/") == ChdbDsn(Path("/var/lib/with space"))


def test_a_server() -> None:
    assert parse_dsn("clickhouse://anna:p%40ss@db.example:9000/prebill") == ServerDsn(
        "db.example", 9000, "prebill", "anna", "p@ss"
    )
    assert parse_dsn("clickhouse://db") == ServerDsn("db", 8123, "default")
    assert parse_dsn("clickhouse://db/x?secure=1") == ServerDsn("db", 8443, "x", secure=True)
    assert parse_dsn("clickhouse://[::1]:8124/x") == ServerDsn("::1", 8124, "x")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("/var/lib/prebill", "no known scheme"),
        ("sqlite:///x", "no known scheme"),
        ("chdb://var/lib/prebill", "three slashes"),
        ("chdb:///", "names no folder"),
        ("chdb:///x?readonly=1", "'?' or '#'"),
        ("clickhouse:///db", "no host"),
        ("clickhouse://u:secret@h:99999/db", "port"),
        ("clickhouse://u:secret@h:zero/db", "port"),
        ("clickhouse://u:secret@h/db/more", "more than a database"),
        ("clickhouse://u:secret@h/db?tls=1", "unknown options tls"),
    ],
)
def test_errors_say_what_was_expected_and_never_the_password(text: str, says: str) -> None:
    with pytest.raises(DsnError) as caught:
        parse_dsn(text)
    assert says in str(caught.value)
    assert "expected" in str(caught.value) or "only" in str(caught.value) or "needs" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_password_is_not_shown() -> None:
    dsn = parse_dsn("clickhouse://anna:secret@db/x")
    assert "secret" not in f"{dsn} {dsn!r}"
