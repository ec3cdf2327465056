"""Support requests by HTTP beside a live watch, and the commands around them: tokens, the doctor, a port that is
taken."""

from __future__ import annotations

import json
import socket
import threading
import time
import tomllib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from incidents.desk.api.door import hash_of
from incidents.desk.api.settings import ApiSettings, ApiToken
from pipeline.app.configuration.config import read_config, usable
from pipeline.app.doctor.api import api_found
from pipeline.app.support.api import api_of
from pipeline.app.watch import loop as watch_loop
from pipeline.app.watch.watching import watch_of
from pipeline.store import open_store
from tests.app.api_client import SECRET, Api, api_config, call, running
from tests.empty_store import lay_store
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.app.configuration.settings import Config
    from pipeline.store import Store
    from tests.app.conftest import Prebill

CONFIG = """
[store]
dsn = "{dsn}"
[spool]
path = "spool"
[[customer]]
id = "c1"
resources = ["video.example.ru"]
[[customer]]
id = "c2"
resources = ["b.example.ru"]
[[channel]]
id = "book"
kind = "file"
url = "{folder}/book.ndjson"
hears = ["on_call"]
[support.api]
listen = "127.0.0.1:{port}"
[[support.api.token]]
name = "portal"
sha256 = "{sha256}"
"""


def write_config(folder: Path, dsn: str, port: int = 0) -> Path:
    path = folder / "prebill.toml"
    path.write_text(
        CONFIG.format(folder=folder, dsn=dsn, port=port, sha256=hash_of(SECRET)), encoding="utf-8"
    )
    (folder / "spool").mkdir(exist_ok=True)
    return path


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = write_config(tmp_path, lay_store(tmp_path / "store"))
    return usable(read_config(path, path, {}))


@pytest.fixture
def store(config: Config) -> Iterator[Store]:
    with open_store(config.store.dsn) as opened:
        yield opened


def test_a_technical_request_pages_from_a_live_watch_which_is_woken(
    store: Store, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_loop, "LOOK_EVERY_S", 3600.0)  # whoever is not woken does not look in this test
    book = tmp_path / "book.ndjson"
    stop = threading.Event()

    def clock() -> datetime:
        return datetime.fromtimestamp(time.time(), UTC)

    with (
        watch_of(store, config, clock, stop, checks=False) as (watching, lost),
        api_of(store, config, clock, watching) as address,
    ):
        assert address is not None
        running = threading.Thread(target=watching.run, args=(stop, lost), daemon=True)
        running.start()
        try:
            body = json.dumps({"customer": "c1", "kind": "technical", "text": "It does not play"}).encode()
            status, _, document = call(
                address[1], "POST", "/v1/requests", body, {"Content-Type": "application/json"}
            )
            assert status == 201
            wait_until(book.exists, "a page after its acknowledgement", at_most_s=5.0)
            (first, *_) = book.read_text(encoding="utf-8").splitlines()
            assert "customer c1" in json.loads(first)["subject"]
            assert "It does not play" in json.loads(first)["text"]
            (row,) = store.evidence(("request",))
            assert row.body["id"] == document["id"]
        finally:
            stop.set()
            watching.look_now()
            running.join(30)
    assert not running.is_alive()
    with pytest.raises(OSError):
        socket.create_connection(address, timeout=1)


def test_nothing_listens_unless_the_configuration_says_so(store: Store, config: Config) -> None:
    from msgspec.structs import replace

    def clock() -> datetime:
        return datetime.fromtimestamp(time.time(), UTC)

    off = replace(config, support=replace(config.support, api=None))
    with (
        watch_of(store, off, clock, threading.Event(), checks=False) as (watching, _),
        api_of(store, off, clock, watching) as address,
    ):
        assert address is None
    with api_of(store, config, clock, None) as address:
        assert address is None, "a look with --once is over before anybody could call"


@pytest.mark.parametrize("command", ["watch", "up"])
def test_a_port_that_is_taken_is_a_plain_error(prebill: Prebill, tmp_path: Path, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        write_config(tmp_path, lay_store(tmp_path / "store"), port)
        done = prebill(command)
    assert done.returncode == 3
    assert f"support.api.listen: 127.0.0.1:{port}: another program listens there" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_doctor_looks_at_it(prebill: Prebill, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        write_config(tmp_path, f"chdb://{tmp_path}/store", other.getsockname()[1])
        told = json.loads(prebill("doctor", "--json").stdout)
    (check,) = (each for each in told if each["name"] == "support api")
    assert check["state"] == "fail"
    assert "cannot be had: address already in use" in check["found"]


def test_a_token_is_shown_once_and_its_lines_let_it_in(prebill: Prebill, tmp_path: Path) -> None:
    path = write_config(tmp_path, f"chdb://{tmp_path}/store")
    before = path.read_text()
    done = prebill("support", "token", "shop", "--customer", "c1", "--customer", "c2")
    assert done.returncode == 0, done.stderr
    token, lines = done.stdout.split("\n", 1)
    path.write_text(before + lines)
    config = usable(read_config(path, path, {}))
    assert config.support.api is not None
    assert config.support.api.token[1] == ApiToken(name="shop", sha256=hash_of(token), customers=("c1", "c2"))
    assert len(token) == 43
    assert token not in lines + done.stderr
    assert not (tmp_path / "store").exists(), "nothing of it is kept"
    again = json.loads(prebill("support", "token", "shop", "--json").stdout)
    assert again["token"] != token
    assert tomllib.loads(again["config"])["support"]["api"]["token"] == [
        {"name": "shop", "sha256": hash_of(again["token"])}
    ]


def test_a_token_of_a_wrong_name_or_of_nobody(prebill: Prebill, tmp_path: Path) -> None:
    write_config(tmp_path, f"chdb://{tmp_path}/store")
    done = prebill("support", "token", "a b", "--customer", "c9", "--customer", "c8")
    assert done.returncode == 2
    for what in ("'a b'", "'c9'", "'c8'"):
        assert what in done.stderr
    assert done.stdout == ""
    assert "expected a name for it" in prebill("support", "token").stderr
    assert "--text: not with token" in prebill("support", "token", "x", "--text", "y").stderr
    assert (
        "expected one with list" in prebill("support", "list", "--customer", "c1", "--customer", "c2").stderr
    )


def test_faults_of_the_configuration_are_told_with_their_places(prebill: Prebill, tmp_path: Path) -> None:
    path = write_config(tmp_path, f"chdb://{tmp_path}/store")
    path.write_text(
        path.read_text().replace('"127.0.0.1:0"', '"cdn.example"')
        + 'customers = ["c7"]\n[[support.api.token]]\nname = "portal"\nsha256 = "secret"\n'
    )
    done = prebill("support", "list")
    assert done.returncode == 2
    assert "sha256: expected 64 hexadecimal digits" in done.stderr
    path.write_text(path.read_text().replace('"secret"', f'"{"0" * 64}"'))
    done = prebill("support", "list")
    for what in ("support.api.listen", 'there is no customer "c7"', "support.api.token[1].name"):
        assert what in done.stderr


@pytest.fixture
def open_api(store: Store) -> Iterator[Api]:
    with running(store, api_config()) as found:
        yield found


def test_what_the_doctor_says_of_it(open_api: Api) -> None:
    token = ApiToken(name="a", sha256="0" * 64)
    state, found, _ = api_found(ApiSettings(listen=f"127.0.0.1:{open_api.port}", token=(token,)))
    assert (state, "prebill answers there" in found) == ("ok", True)
    state, _, mend = api_found(ApiSettings(listen="127.0.0.1:0"))
    assert (state, "prebill support token" in mend) == ("note", True)
    state, found, mend = api_found(ApiSettings(listen="0.0.0.0:0", token=(token,)))
    assert (state, "in the clear" in found, "reverse proxy" in mend) == ("note", True, True)
    state, found, _ = api_found(ApiSettings(listen="192.0.2.1:8443", token=(token,)))
    assert (state, "cannot be had" in found) == ("fail", True)
