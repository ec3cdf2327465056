"""Rings the support line without ringing: SIP OPTIONS over UDP, sent again as RFC 3261 says, or over TCP."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any

from incidents.probes.addresses import is_named_inward, resolve
from incidents.probes.http import check_status
from incidents.probes.result import Phase, UnmetError
from incidents.probes.settings import bracketed, split_address
from incidents.probes.sip_messages import (
    MAX_MESSAGE,
    T1_S,
    Answer,
    Call,
    message_length,
    options_request,
    read_answer,
    retransmits,
)
from incidents.probes.tcp import connect

if TYPE_CHECKING:
    from incidents.probes.settings import ProbeSettings

PORT = 5060


async def probe_sip(probe: ProbeSettings, phase: Phase, *, loopback: bool = False) -> None:
    """Ask once; raises OSError, RefusedAddressError, and UnmetError for a final answer that is not as it must be."""
    ask = _over_tcp if probe.transport == "tcp" else _over_udp
    async with asyncio.timeout(64 * T1_S):  # timer F of 17.1.2.2; the probe's own timeout is mostly shorter
        answer = await ask(probe, phase, loopback=loopback)
    try:
        check_status(answer.status, probe.status)
    except UnmetError as error:
        raise UnmetError(f"{error} ({answer.words})" if answer.words else str(error)) from None


def _call(probe: ProbeSettings, local: tuple[Any, ...]) -> Call:
    host, port = split_address(probe.address, PORT)
    asked = probe.uri or f"sip:{bracketed(host)}{'' if port == PORT else f':{port}'}"
    return Call(asked, probe.transport, bracketed(str(local[0])), int(local[1]), secrets.token_hex(16))


async def _over_udp(probe: ProbeSettings, phase: Phase, *, loopback: bool) -> Answer:
    host, port = split_address(probe.address, PORT)
    phase.name = "name lookup"
    address = (await resolve(host, port, trusted=is_named_inward(host), loopback=loopback))[0]
    loop = asyncio.get_running_loop()
    transport, heard = await loop.create_datagram_endpoint(_Heard, remote_addr=(address, port))
    try:
        call = _call(probe, transport.get_extra_info("sockname"))
        phase.name = "answer"
        transport.sendto(options_request(call))
        again = [
            loop.call_later(at, _send_again, transport, heard, options_request(call)) for at in retransmits()
        ]
        try:
            while True:
                answer = read_answer(await heard.next(), call)
                if answer is not None and answer.is_final:
                    return answer
        finally:
            for timer in again:
                timer.cancel()
    finally:
        transport.close()


def _send_again(transport: asyncio.DatagramTransport, heard: _Heard, message: bytes) -> None:
    if not transport.is_closing() and heard.error is None:
        transport.sendto(message)


class _Heard(asyncio.DatagramProtocol):
    """Datagrams as they come, few at a time; an ICMP error ends the wait."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(64)
        self._woken = asyncio.Event()
        self.error: Exception | None = None

    def datagram_received(self, data: bytes, addr: object) -> None:
        del addr  # the socket is connected: the kernel lets no other sender through
        if not self._waiting.full():
            self._waiting.put_nowait(data)
            self._woken.set()

    def error_received(self, exc: Exception) -> None:
        self.error = exc
        self._woken.set()

    async def next(self) -> bytes:
        """The next datagram; raises the error that came in its place."""
        while self._waiting.empty():
            if self.error is not None:
                raise self.error
            self._woken.clear()
            await self._woken.wait()
        return self._waiting.get_nowait()


async def _over_tcp(probe: ProbeSettings, phase: Phase, *, loopback: bool) -> Answer:
    reader, writer = await connect(probe.address, PORT, phase, loopback=loopback)
    try:
        call = _call(probe, writer.get_extra_info("sockname"))
        phase.name = "answer"
        writer.write(options_request(call))
        await writer.drain()
        buffer = b""
        while True:
            buffer = buffer.lstrip(b"\r\n")
            length = message_length(buffer)
            if length is not None and length <= len(buffer):
                answer, buffer = read_answer(buffer[:length], call), buffer[length:]
                if answer is not None and answer.is_final:
                    return answer
                continue
            if len(buffer) > MAX_MESSAGE:
                raise UnmetError("what was answered is not SIP")
            more = await reader.read(8192)
            if not more:
                raise UnmetError("connection closed before the answer's end")
            buffer += more
    finally:
        writer.close()
