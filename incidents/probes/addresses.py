"""From a host to the addresses that a probe may touch: names looked up beside the event loop, and what leads back into
the machine or to its neighbours' link refused, unless it was written down; the machine alone may be allowed."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading
from typing import TYPE_CHECKING, TypeVar

from incidents.probes.result import RefusedAddressError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

MAX_ADDRESSES = 4
HEAD_START_S = 0.3

T = TypeVar("T")


async def resolve(host: str, port: int, *, trusted: bool, loopback: bool = False) -> list[str]:
    """The addresses of a host, at most four; `trusted`: any address will do; `loopback`: the machine's own ones too.

    Raises socket.gaierror, and RefusedAddressError where all of them are loopback, link-local or no host's.
    """
    literal = _literal(host)
    found = [literal] if literal else await _look_up(host, port)
    allowed = [address for address in found if trusted or not is_inward(address, loopback=loopback)]
    if not allowed:
        raise RefusedAddressError(f"leads to {found[0]}, which probes do not touch")
    return allowed[:MAX_ADDRESSES]


async def first_to_answer(
    addresses: list[str], connect: Callable[[str], Awaitable[T]], close: Callable[[T], Awaitable[None]]
) -> T:
    """A connection to whichever address takes one first, each with a head start before the next, as browsers do
    (RFC 8305): a host with a dead IPv6 address is still served. Raises the first error."""
    waiting, running = list(addresses), set[asyncio.Future[T]]()
    error: BaseException | None = None
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.ensure_future(connect(waiting.pop(0))))
            done, running = await asyncio.wait(
                running, timeout=HEAD_START_S if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            open_ones = [each for each in done if each.exception() is None]
            error = error or next((each.exception() for each in done if each.exception() is not None), None)
            for late in open_ones[1:]:
                await close(late.result())
            if open_ones:
                return open_ones[0].result()
    finally:
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    raise error or OSError("no address")


def is_inward(address: str, *, loopback: bool = False) -> bool:
    """Whether an address means the machine itself, its link (cloud metadata is there) or no single host. `loopback`:
    the machine itself is allowed, the others are not."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return (ip.is_loopback and not loopback) or ip.is_link_local or ip.is_unspecified or ip.is_multicast


def is_named_inward(host: str) -> bool:
    """Whether whoever wrote this host meant this machine or an address: then it is configured, and no surprise."""
    return bool(_literal(host)) or host.lower() == "localhost"


def _literal(host: str) -> str:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    return host


async def _look_up(host: str, port: int) -> list[str]:
    """As the system looks names up. A thread for each, and not the loop's few: a name server that hangs would hold
    them all, and a daemon, so that the process can end meanwhile."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def settle(act: Callable[[], None]) -> None:
        if not answer.done():
            act()

    def work() -> None:
        try:
            rows = socket.getaddrinfo(host.encode("idna"), port, type=socket.SOCK_STREAM)
            found = list(dict.fromkeys(str(row[4][0]) for row in rows))
        except (OSError, UnicodeError) as error:
            fault = error if isinstance(error, OSError) else socket.gaierror(socket.EAI_NONAME, "no name")
            _tell(loop, lambda: settle(lambda: answer.set_exception(fault)))
        else:
            _tell(loop, lambda: settle(lambda: answer.set_result(found)))

    threading.Thread(target=work, name=f"look up {host}", daemon=True).start()
    return await answer


def _tell(loop: asyncio.AbstractEventLoop, act: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop may have ended before the name server answered
        loop.call_soon_threadsafe(act)
