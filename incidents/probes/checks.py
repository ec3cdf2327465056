"""What is to be run: the probes of one customer or target, from one vantage point, are one check with one verdict; from
settings, for the scheduler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from incidents.probes.settings import ProbeSettings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from incidents.probes.result import Result
    from incidents.probes.settings import ProbingSettings


class Check(Struct, frozen=True):
    """All that is asked about one customer or target from one vantage point. `exporter`: the blackbox exporter that
    asks; empty: this process does.

    One verdict, because evidence names customer and vantage point and no more: two hosts of a customer that were
    reported apart, one failing and one well, would clear each other in turn.
    """

    vantage: str
    about: tuple[str, str]
    probes: tuple[ProbeSettings, ...]
    exporter: str = ""

    @property
    def key(self) -> str:
        """The same from one start to the next."""
        return "\0".join((self.vantage, *self.about))

    @property
    def calls_per_day(self) -> int:
        """How many random times of a day; 0: all the time."""
        return self.probes[0].calls_per_day

    @property
    def names(self) -> str:
        """Of its probes, for people."""
        return ", ".join(probe.name for probe in self.probes)


class Verdict(Struct, frozen=True):
    """What one run of a check gave. `at`: when it ended, epoch seconds; `results`: one a probe, in their order."""

    check: Check
    at: float
    results: tuple[Result, ...]

    @property
    def ok(self) -> bool | None:
        """False as soon as one probe failed; None where nothing failed and something could not be looked at."""
        verdicts = [result.ok for result in self.results]
        if False in verdicts:
            return False
        return None if None in verdicts else True

    @property
    def detail(self) -> str:
        """What is wrong, or worth a remark; by the probe's name where there are several."""
        told = [
            (probe.name, result.detail)
            for probe, result in zip(self.check.probes, self.results, strict=True)
            if result.detail and (self.ok is not False or result.ok is False)
        ]
        if len(self.check.probes) == 1:
            return "".join(detail for _, detail in told)
        return "; ".join(f"{name}: {detail}" for name, detail in told)

    @property
    def took_s(self) -> float:
        """The slowest of its probes."""
        return max(result.took_s for result in self.results)


def checks_of(
    probing: ProbingSettings, probes: Iterable[ProbeSettings], vantage: str, names: Collection[str] = ()
) -> tuple[Check, ...]:
    """Every check, of this vantage point and of each exporter; of the probes `names` only, where some are given."""
    by_scope: dict[tuple[str, str], list[ProbeSettings]] = {}
    for probe in probes:
        if not names or probe.name in names:
            by_scope.setdefault(probe.about, []).append(probe)
    found = [Check(vantage, about, tuple(group)) for about, group in by_scope.items()]
    for exporter in probing.blackbox:
        for about, group in by_scope.items():
            if asked := tuple(probe for probe in group if probe.module):
                found.append(Check(exporter.vantage, about, asked, exporter.url))
    return tuple(found)


def evidence_of(verdict: Verdict) -> dict[str, Any] | None:
    """The line of evidence; None where nothing is known of the target, since silence is what then must be seen."""
    if verdict.ok is None:
        return None
    from incidents.words import instant_text

    kind, name = verdict.check.about
    about: dict[str, Any]
    if kind == "customer":
        about = {"customer": name}
    else:
        about = {"target": {"kind": kind, "id": name} if name else {"kind": kind}}
    detail = {"detail": verdict.detail[:1_000]} if verdict.detail else {}
    return {
        "at": instant_text(round(verdict.at, 3)),
        "type": "probe",
        **about,
        "vantage": verdict.check.vantage,
        "ok": verdict.ok,
        "latency_ms": round(verdict.took_s * 1_000),
        **detail,
    }


def call_evidence(
    at: float, vantage: str, *, ok: bool, line: str = "", politeness: int | None = None, text: str = ""
) -> dict[str, Any]:
    """The evidence of a call to the support line that a person made."""
    from incidents.words import instant_text

    body: dict[str, Any] = {
        "at": instant_text(round(at, 3)),
        "type": "probe",
        "target": {"kind": "support_line", "id": line} if line else {"kind": "support_line"},
        "vantage": vantage,
        "ok": ok,
    }
    if politeness is not None:
        body["politeness"] = politeness
    return body | ({"detail": text} if text else {})
