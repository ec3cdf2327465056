"""Opens a TCP connection, and waits for the words that must come on it, if there are any."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from incidents.probes.addresses import first_to_answer, is_named_inward, resolve
from incidents.probes.result import Phase, UnmetError
from incidents.probes.settings import split_address

if TYPE_CHECKING:
    from incidents.probes.settings import ProbeSettings

MAX_BANNER = 64 * 1024


async def probe_tcp(probe: ProbeSettings, phase: Phase, *, loopback: bool = False) -> None:
    """Look once; raises OSError, RefusedAddressError, and UnmetError where the words do not come."""
    reader, writer = await connect(probe.address, 0, phase, loopback=loopback)
    try:
        if probe.contains:
            phase.name = f"waiting for {probe.contains!r}"
            await _wait_for(probe.contains.encode(), reader)
    finally:
        writer.close()


async def connect(
    address: str, default_port: int, phase: Phase, *, loopback: bool
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the first of the address's own addresses that takes one."""
    host, port = split_address(address, default_port)
    phase.name = "name lookup"
    addresses = await resolve(host, port, trusted=is_named_inward(host), loopback=loopback)
    phase.name = "connect"
    return await first_to_answer(addresses, lambda each: asyncio.open_connection(each, port), _close)


async def _close(connection: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
    connection[1].close()


async def _wait_for(words: bytes, reader: asyncio.StreamReader) -> None:
    seen = b""
    while words not in seen:
        more = await reader.read(4096)
        if not more:
            raise UnmetError(f"connection closed without {words.decode()!r}")
        seen += more
        if len(seen) > MAX_BANNER:
            raise UnmetError(f"{words.decode()!r} is not in the first {MAX_BANNER // 1024} KiB")
