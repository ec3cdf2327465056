"""Reads Prometheus' blackbox exporter: a look that a running exporter makes, and its metrics judged
as our own looks are."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit, urlunsplit

from incidents.probes.fetch import ascii_host, fetch
from incidents.probes.http import certificate_remark, check_status
from incidents.probes.result import Phase, UnmetError
from incidents.probes.settings import bracketed, split_address

if TYPE_CHECKING:
    from incidents.probes.settings import ProbeSettings

GRACE_S = 1.5
"""The exporter is told the probe's timeout and this more, and takes half a second off (its --timeout-offset)."""


class ExporterError(Exception):
    """The exporter gave no answer that can be read: nothing is known of the target. The message is the detail."""


async def probe_by_exporter(
    exporter: str, probe: ProbeSettings, phase: Phase, timeout_s: float, now: float
) -> str:
    """Have the exporter look once; the answer is a remark or nothing. Raises UnmetError where the look failed,
    ExporterError, and the errors of a fetch where the exporter cannot be reached."""
    headers: dict[bytes | str, bytes | str] = {"X-Prometheus-Scrape-Timeout-Seconds": f"{timeout_s + 0.5:g}"}
    got = await fetch(exporter_url(exporter, probe), phase, trusted=True, headers=headers)
    if got.status != 200:
        words = got.body[:120].decode("utf-8", "replace").strip()
        raise ExporterError(f"the exporter answered {got.status}: {words}")
    return judge(read_metrics(got.body.decode("utf-8", "replace")), probe, now)


def exporter_url(exporter: str, probe: ProbeSettings) -> str:
    """`/probe?target=…&module=…` of an exporter; with an address the target is that, and the host is
    named beside it."""
    asked: dict[str, str] = {"module": probe.module}
    if probe.kind == "http":
        parts = urlsplit(probe.url)
        if probe.address:
            host, port = split_address(probe.address, parts.port or 0)
            authority = bracketed(host) + (f":{port}" if port else "")
            asked["target"] = urlunsplit((parts.scheme, authority, parts.path, parts.query, ""))
            asked["hostname"] = ascii_host(probe.url)
        else:
            asked["target"] = probe.url
    else:
        asked["target"] = probe.address
    base = urlsplit(exporter)
    path = base.path.rstrip("/")
    path = path if path.endswith("/probe") else f"{path}/probe"
    return urlunsplit((base.scheme, base.netloc, path, urlencode(asked), ""))


def read_metrics(text: str) -> dict[str, float]:
    """The samples of a text exposition that have no labels; the others are not asked for."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        name, _, value = line.strip().partition(" ")
        if not name.startswith("probe_") or "{" in name:
            continue
        try:
            found[name] = float(value.split()[0])
        except (ValueError, IndexError):
            continue
    if "probe_success" not in found:
        raise ExporterError("the exporter's answer has no probe_success")
    return found


def judge(metrics: dict[str, float], probe: ProbeSettings, now: float) -> str:
    """What our own expectations make of the metrics; raises UnmetError. The module's own are in probe_success."""
    status = int(metrics.get("probe_http_status_code", 0))
    if status and probe.status:
        check_status(status, probe.status)
    if metrics["probe_success"] != 1.0:
        seen = f", status {status}" if status else ""
        raise UnmetError(f"failed by module {probe.module}{seen}")
    took = metrics.get("probe_duration_seconds", 0.0)
    if probe.latency_ms is not None and took * 1_000 > probe.latency_ms:
        raise UnmetError(too_slow(took, probe.latency_ms))
    ends = metrics.get("probe_ssl_earliest_cert_expiry", 0.0)
    return certificate_remark(max(ends, 0.0), probe.certificate_days, now)


def too_slow(took_s: float, at_most_ms: int) -> str:
    """The words for an answer that came late."""
    return f"took {took_s * 1_000:.0f} ms, at most {at_most_ms} expected"
