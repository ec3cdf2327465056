"""Asks a name server for a record, and says how its answer differs from what must be there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from incidents.probes.addresses import is_named_inward, resolve
from incidents.probes.result import Phase, UnmetError
from incidents.probes.settings import split_address

if TYPE_CHECKING:
    import dns.message

    from incidents.probes.settings import ProbeSettings

ASK_AGAIN_S = 1.5
"""A datagram may be lost: asked again until the probe's own timeout, as resolvers do."""


async def probe_dns(probe: ProbeSettings, phase: Phase, *, loopback: bool = False) -> None:
    """Look once; raises OSError, RefusedAddressError, and UnmetError for an answer that is not as it must be."""
    import dns.asyncquery
    import dns.exception
    import dns.message
    import dns.name

    host, port = split_address(probe.address, 53)
    phase.name = "name lookup"
    server = (await resolve(host, port, trusted=is_named_inward(host), loopback=loopback))[0]
    try:
        query = dns.message.make_query(probe.query.encode("idna").decode(), probe.record)
    except (dns.exception.DNSException, UnicodeError):
        raise UnmetError(f"{probe.query} is no name that can be asked for") from None
    phase.name = "answer"
    while True:
        try:
            answer, _ = await dns.asyncquery.udp_with_fallback(
                query, server, timeout=ASK_AGAIN_S, port=port, ignore_unexpected=True, ignore_errors=True
            )
        except dns.exception.Timeout:
            await asyncio.sleep(0)  # the probe's own timeout ends this
        except dns.exception.DNSException:
            raise UnmetError("what was answered is not DNS") from None
        else:
            return check_answer(answer, probe)


def check_answer(answer: dns.message.Message, probe: ProbeSettings) -> None:
    """Raises UnmetError: an error code, no record of the kind, or others than must be there."""
    import dns.rcode
    import dns.rdatatype

    if answer.rcode() != dns.rcode.NOERROR:
        raise UnmetError(f"answered {dns.rcode.to_text(answer.rcode())} for {probe.query}")
    kind = dns.rdatatype.from_text(probe.record)
    values = sorted(_plain(item.to_text()) for rows in answer.answer if rows.rdtype == kind for item in rows)
    if not values:
        raise UnmetError(f"no {probe.record} record for {probe.query}")
    missing = [value for value in probe.answer if _plain(value) not in values]
    if missing:
        raise UnmetError(f"answered {', '.join(values[:4])}, expected {', '.join(missing)}")


def _plain(value: str) -> str:
    """A value as it compares: no quotes around a text, no dot behind a name, small letters."""
    return value.strip('"').rstrip(".").lower()
