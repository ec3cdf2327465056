"""The one name of a store: chdb:///path or clickhouse://user:pass@host:8123/db, from configuration to connect.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from pipeline.store.errors import DsnError

EXPECTED = "expected chdb:///path/of/a/folder or clickhouse://user:password@host:8123/database"


@dataclass(frozen=True, slots=True)
class ChdbDsn:
    """A folder that one process owns with the embedded engine."""

    path: Path

    def __str__(self) -> str:
        return f"chdb://{self.path}"


@dataclass(frozen=True, slots=True)
class ServerDsn:
    """A ClickHouse server, spoken to over HTTP; the password never appears in text or repr."""

    host: str
    port: int
    database: str
    user: str = "default"
    password: str = field(default="", repr=False)
    secure: bool = False

    def __str__(self) -> str:
        scheme = "clickhouses" if self.secure else "clickhouse"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{self.user}@{host}:{self.port}/{self.database}"


def parse_dsn(text: str) -> ChdbDsn | ServerDsn:
    """The store that a DSN names. Raises DsnError with what was expected and what was found."""
    if not isinstance(text, str) or not text.strip():
        raise DsnError(f"the store's DSN is empty: {EXPECTED}")
    parts = urlsplit(text.strip())
    if parts.scheme == "chdb":
        return _parse_chdb(text.strip())
    if parts.scheme in ("clickhouse", "clickhouses"):
        return _parse_server(text.strip())
    shown = f"{parts.scheme}:…" if parts.scheme else repr(text)
    raise DsnError(f"the store's DSN {shown} has no known scheme: {EXPECTED}")


def _parse_chdb(text: str) -> ChdbDsn:
    parts = urlsplit(text)
    if parts.query or parts.fragment:
        raise DsnError(
            f"the store's DSN {text!r} has a '?' or '#' part, which an embedded store does not know: "
            f"expected chdb:///path/of/a/folder"
        )
    if parts.netloc:
        raise DsnError(
            f"the store's DSN {text!r} has {parts.netloc!r} where a host would be: an absolute path needs "
            f"three slashes, as in chdb:///{parts.netloc}{parts.path}"
        )
    if not parts.path.startswith("/") or parts.path == "/":
        raise DsnError(f"the store's DSN {text!r} names no folder: expected chdb:///path/of/a/folder")
    return ChdbDsn(Path(unquote(parts.path)).resolve())


def _parse_server(text: str) -> ServerDsn:
    parts = urlsplit(text)
    try:
        port = parts.port
    except ValueError:
        port = -1
    shown = f"{parts.scheme}://…@{parts.netloc.rpartition('@')[2]}{parts.path}"
    if port is not None and not 0 < port < 65536:
        raise DsnError(f"the store's DSN {shown} has a port that is no number from 1 to 65535: {EXPECTED}")
    if not parts.hostname:
        raise DsnError(f"the store's DSN {shown} has no host: {EXPECTED}")
    database = unquote(parts.path.strip("/"))
    if "/" in database:
        raise DsnError(f"the store's DSN {shown} has more than a database after the host: {EXPECTED}")
    options = parse_qs(parts.query, keep_blank_values=True)
    unknown = sorted(set(options) - {"secure"})
    if unknown or parts.fragment:
        named = ", ".join(unknown) or "#"
        raise DsnError(f"the store's DSN {shown} has unknown options {named}: only secure=1 is known")
    secure = parts.scheme == "clickhouses" or options.get("secure", ["0"])[0] in ("1", "true")
    return ServerDsn(
        host=parts.hostname,
        port=port or (8443 if secure else 8123),
        database=database or "default",
        user=unquote(parts.username or "default"),
        password=unquote(parts.password or ""),
        secure=secure,
    )
