"""A ClickHouse server for the store's tests: one that PREBILL_CLICKHOUSE_DSN names, or one out of npm's libchdb.

That library holds ClickHouse's own listener with its users, readonly mode and databases (SYSTEM START LISTEN, as
`clickhouse local` has it). Run as a module this file is that server's process: it says its port, serves until its
standard input ends, and can be killed like any other.
"""

# ruff: noqa: S608 - the one path in a statement is the test's own folder

from __future__ import annotations

import ctypes
import os
import secrets
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pipeline.store.migrate import split_statements

ROOT = Path(__file__).parents[2]
GRANTS = ROOT / "infra" / "clickhouse" / "grants.sql"
NAMED = "PREBILL_CLICKHOUSE_DSN"
LIBRARY = ".clickhouse/node_modules/@chdb/lib-linux-*/libchdb.so"
MISSING = (
    f"no ClickHouse server: `make test-cluster` brings one into .clickhouse (npm), or name a running one with "
    f"{NAMED}=clickhouse://user:password@host:8123 (the user may create databases)"
)

# CREATE USER has nowhere to write in this listener: the users that the tests need are all here
USERS = """<clickhouse>
  <profiles><default/><reading><readonly>1</readonly></reading></profiles><quotas><default/></quotas>
  <users>
    <default><password/><networks><ip>127.0.0.1</ip></networks></default>
    <prebill><password>{password}</password><networks><ip>127.0.0.1</ip></networks></prebill>
    <reader><password>{password}</password><networks><ip>127.0.0.1</ip></networks><profile>reading</profile></reader>
    <prebill_writer><password>{password}</password><networks><ip>127.0.0.1</ip></networks>
      <grants>{grants}</grants></prebill_writer>
  </users>
</clickhouse>
"""


def find_library() -> Path | None:
    """libchdb.so where `make test-cluster` lays it."""
    return next(iter(sorted(ROOT.glob(LIBRARY))), None)


def _grants() -> str:
    words = [text.removesuffix(" TO prebill_writer") for text in split_statements(GRANTS.read_text())]
    return "".join(f"<query>{text}</query>" for text in words if text.startswith("GRANT "))


@dataclass
class Server:
    """A server process over a folder of its own; killed and started again it keeps folder, port and users."""

    folder: Path
    port: int = 0
    password: str = field(default_factory=lambda: secrets.token_hex(8))
    _process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Returns when the server answers. Raises RuntimeError with what it said when it does not."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "users.xml").write_text(USERS.format(password=self.password, grants=_grants()))
        (self.folder / "config.xml").write_text(
            f"<clickhouse><users_config>{self.folder}/users.xml</users_config></clickhouse>"
        )
        # a new pipe for every start: the last one's watcher may still be looking at its own
        said = self.folder / f"port-{secrets.token_hex(4)}"
        os.mkfifo(said)
        command = [sys.executable, "-m", "tests.store.server", str(self.folder), str(self.port), said.name]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        # a process that died will never open the other end
        watcher = threading.Thread(target=self._unblock, args=(self._process, said))
        watcher.start()
        text = said.read_text().strip()
        if not text:
            raise RuntimeError(f"the server did not start: {self._process.communicate()[1][-2000:]}")
        self.port = int(text)

    @staticmethod
    def _unblock(process: subprocess.Popen[str], said: Path) -> None:
        process.wait()
        if said.is_fifo():
            os.close(os.open(said, os.O_RDWR | os.O_NONBLOCK))

    def kill(self) -> None:
        """SIGKILL, as a crash does it."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    @property
    def dsn(self) -> str:
        """The server without a database, as the user that may do everything."""
        return self.dsn_of("prebill")

    def dsn_of(self, user: str) -> str:
        """The same as another of USERS."""
        return f"clickhouse://{user}:{self.password}@127.0.0.1:{self.port}"


def with_database(dsn: str, name: str) -> str:
    """The DSN of a database on the server that `dsn` names."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


def command(dsn: str, sql: str) -> None:
    """Runs a statement on the server itself, outside of any store."""
    import clickhouse_connect

    parts = urlsplit(dsn)
    with clickhouse_connect.get_client(
        host=parts.hostname, port=parts.port, username=parts.username, password=parts.password or ""
    ) as client:
        client.command(sql)


def serve(folder: Path, port: int, said: str) -> None:
    """Becomes the server and writes its port to the pipe `said`; ends with standard input."""
    library = find_library()
    if library is None:
        sys.exit(MISSING)
    chdb: Any = ctypes.CDLL(str(library))
    chdb.chdb_query_cmdline.argtypes = [ctypes.c_int, ctypes.POINTER(ctypes.c_char_p)]
    chdb.chdb_query_cmdline.restype = ctypes.c_void_p
    chdb.chdb_result_error.argtypes = [ctypes.c_void_p]
    chdb.chdb_result_error.restype = ctypes.c_char_p
    script = (
        "SYSTEM START LISTEN HTTP;"
        f"SELECT getServerPort('http_port') INTO OUTFILE '{folder / said}' APPEND FORMAT TSV;"
        # something must run for as long as the server is to live
        "SELECT sleepEachRow(3) FROM system.numbers SETTINGS max_block_size = 1 FORMAT Null"
    )
    words = ["clickhouse", "--path", str(folder / "data"), "--config-file", str(folder / "config.xml"),
             "--listen_host", "127.0.0.1", "--http_port", str(port), "--query", script]  # fmt: skip
    arguments = (ctypes.c_char_p * len(words))(*[word.encode() for word in words])

    def run() -> None:
        found = chdb.chdb_query_cmdline(len(words), arguments)
        print(chdb.chdb_result_error(found), file=sys.stderr, flush=True)
        os._exit(1)

    threading.Thread(target=run, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
