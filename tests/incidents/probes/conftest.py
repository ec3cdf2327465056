"""A real nginx with an authority of our own, for every test that asks for one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.incidents.probes.certificates import Authority
from tests.incidents.probes.peers import NGINX, Nginx, free_port, needed, takes_connections

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Nginx]:
    """Running; `stop` and `start` at will."""
    binary = needed("nginx", "nginx-light")
    folder = tmp_path / "nginx"
    folder.mkdir()
    authority = Authority()
    authority.write(folder / "ca.pem")
    authority.issue(folder, "c1", "c1.example.test", days=9.5)
    authority.issue(folder, "old", "c1.example.test", days=-1)
    ports = [free_port() for _ in range(3)]
    text = NGINX.format(
        folder=folder,
        http=ports[0],
        tls=ports[1],
        old=ports[2],
        user="user root root;" if os.getuid() == 0 else "",
    )
    (folder / "nginx.conf").write_text(text)
    process = Nginx(
        [binary, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")],
        lambda: takes_connections(ports[0]),
        http_port=ports[0],
        tls_port=ports[1],
        old_port=ports[2],
        authority=str(folder / "ca.pem"),
    )
    process.start()
    try:
        yield process
    finally:
        process.stop()
