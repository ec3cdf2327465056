"""Measures unpacking against the bare decompressor's loop: `pytest -m bench -s tests/ingest`. Asserts no speed."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.ingest.codecs import open_content
from tests.ingest.packing import CODECS, SUFFIX, lines, pack

ROUNDS = 5


def bare_isal(path: Path) -> int:
    """The least that anybody could do with isal: read a chunk, unpack it, throw it away."""
    from isal import igzip_lib

    decoder = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP)
    total = 0
    fd = os.open(path, os.O_RDONLY)
    try:
        while not decoder.eof:
            chunk = os.read(fd, 256 * 1024) if decoder.needs_input else b""
            total += len(decoder.decompress(chunk, 128 * 1024 - 64))
    finally:
        os.close(fd)
    return total


def ours(path: Path) -> int:
    view = memoryview(bytearray(1 << 20))
    total = 0
    with open_content(path) as content:
        while count := content.readinto(view):
            total += count
    return total


def cpu_s(read: Callable[[Path], int], path: Path, size: int) -> float:
    began = time.process_time()
    assert read(path) == size
    return time.process_time() - began


def wall_of_two_s(path: Path) -> float:
    threads = [threading.Thread(target=ours, args=(path,)) for _ in range(2)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began


@pytest.mark.bench
def test_unpacking_against_the_bare_loop(tmp_path: Path) -> None:
    content = lines(400_000) * 4
    size = len(content)
    paths = {codec: tmp_path / f"x.log{SUFFIX[codec]}" for codec in CODECS}
    for codec, path in paths.items():
        path.write_bytes(pack(codec, content))
    best: dict[str, float] = {}
    for _ in range(ROUNDS):
        figures = {"bare isal": cpu_s(bare_isal, paths["gzip"], size)}
        figures |= {codec: cpu_s(ours, path, size) for codec, path in paths.items()}
        figures |= {f"{codec}, two threads, wall": wall_of_two_s(path) / 2 for codec, path in paths.items()}
        best = {name: min(value, best.get(name, value)) for name, value in figures.items()}
    print(f"\n{size / 1e6:.0f} MB unpacked, best of {ROUNDS}, CPU time unless said otherwise")
    for name, value in best.items():
        print(f"{name:28} {size / value / 1e9:7.2f} GB/s")
    print(f"gzip through readinto: {best['bare isal'] / best['gzip']:.1%} of the bare loop")
