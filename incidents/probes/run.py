"""Runs one probe, or all of a check, and turns whatever happens into a result: nothing is raised for a bad target."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from incidents.probes.checks import Check, Verdict
from incidents.probes.result import (
    OwnFaultError,
    Phase,
    Result,
    UnmetError,
    is_own_fault,
    reason_of,
    shortened,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from incidents.probes.settings import ProbeSettings, ProbingSettings


def load(checks: Iterable[Check]) -> None:
    """Import what the checks need: an import inside of a first look would be measured as the target's slowness."""
    import anyio

    from incidents.probes import blackbox, fetch  # noqa: F401 - exporters are asked over HTTP too

    asyncio.run(anyio.sleep(0))  # it imports its other half when it is first used
    kinds = {probe.kind for check in checks for probe in check.probes}
    if "dns" in kinds:
        import dns.asyncquery
        import dns.message  # noqa: F401
    if kinds & {"sip", "tcp"}:
        from incidents.probes import sip, tcp  # noqa: F401
    for ca in {probe.ca for check in checks for probe in check.probes if probe.url.startswith("https:")}:
        with contextlib.suppress(OwnFaultError):  # told by the look itself
            fetch.trust(ca)


async def run_check(
    check: Check, probing: ProbingSettings, clock: Callable[[], float], slots: asyncio.Semaphore
) -> Verdict:
    """All of a check's probes at once, as far as there are slots; `clock`: epoch seconds."""

    async def one(probe: ProbeSettings) -> Result:
        async with slots:
            return await run_probe(probe, probing, clock(), exporter=check.exporter)

    results = await asyncio.gather(*map(one, check.probes))
    return Verdict(check, clock(), tuple(results))


async def run_probe(
    probe: ProbeSettings, probing: ProbingSettings, now: float, *, exporter: str = ""
) -> Result:
    """One look, ended by its timeout whatever the target does. `now`: epoch seconds, for certificates."""
    from incidents.probes.blackbox import GRACE_S, too_slow

    phase, started = Phase(), time.perf_counter()
    timeout_s = (probe.timeout or probing.timeout).span.total_seconds()
    allowed_s = timeout_s + GRACE_S if exporter else timeout_s
    remark, fault = "", ""
    own = False
    try:
        async with asyncio.timeout(allowed_s):
            remark = await _look(probe, probing, phase, timeout_s, now, exporter)
    except TimeoutError as error:
        fault, own = _late(phase, timeout_s, error), bool(exporter)
    except UnmetError as error:
        fault = reason_of(error)
    except Exception as error:  # a look must never end the prober: every failure is a result
        fault, own = reason_of(error), bool(exporter) or is_own_fault(error)
    took_s = time.perf_counter() - started
    if fault:
        if own:
            where = f"exporter {exporter}" if exporter else "this prober"
            return Result(None, shortened(f"{where}: {fault}"), took_s)
        return Result(False, fault, took_s)
    if not exporter and probe.latency_ms is not None and took_s * 1_000 > probe.latency_ms:
        return Result(False, too_slow(took_s, probe.latency_ms), took_s)
    return Result(True, remark, took_s)


def _late(phase: Phase, timeout_s: float, error: TimeoutError) -> str:
    if error.errno is not None:  # the system's own, sooner than ours
        return reason_of(error)
    return f"no answer in {timeout_s:g} s" if phase.name == "answer" else f"{phase.name} timeout"


async def _look(
    probe: ProbeSettings, probing: ProbingSettings, phase: Phase, timeout_s: float, now: float, exporter: str
) -> str:
    if exporter:
        from incidents.probes.blackbox import probe_by_exporter

        return await probe_by_exporter(exporter, probe, phase, timeout_s, now)
    if probe.kind == "http":
        from incidents.probes.http import probe_http

        return await probe_http(probe, phase, now, loopback=probing.loopback)
    if probe.kind == "tcp":
        from incidents.probes.tcp import probe_tcp

        await probe_tcp(probe, phase, loopback=probing.loopback)
    elif probe.kind == "dns":
        from incidents.probes.dns import probe_dns

        await probe_dns(probe, phase, loopback=probing.loopback)
    else:
        from incidents.probes.sip import probe_sip

        await probe_sip(probe, phase, loopback=probing.loopback)
    return ""
