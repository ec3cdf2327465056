"""What `prebill doctor` says of probes: whom nobody looks at, and from how few places; nothing is probed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.app.terminal import plural

if TYPE_CHECKING:
    from pipeline.app.configuration.settings import Config

NAMES_SHOWN = 5


def probes_found(config: Config) -> tuple[bool, str, str]:
    """Whether it is as it should be, what was found, and how to mend it."""
    mend = "docs/probes.md shows how; without a look at the clients, lost logs cannot be told from an outage, and page."
    if not config.probe:
        return False, "none configured: nobody looks whether the clients are served", mend
    places = 1 + len(config.probing.blackbox)
    found = f"{plural(len(config.probe), 'probe')} from {plural(places, 'vantage point')} known here"
    looked_at = {probe.customer for probe in config.probe}
    edges = {probe.about[1] for probe in config.probe if probe.about[0] == "edge"}
    every_edge = bool(config.edge) and all(edge.id in edges for edge in config.edge)
    left_out = [customer.id for customer in config.customer if customer.id not in looked_at]
    if left_out and not every_edge:
        names = ", ".join(left_out[:NAMES_SHOWN]) + (" …" if len(left_out) > NAMES_SHOWN else "")
        return False, f"{found}; no look at {plural(len(left_out), 'customer')}: {names}", mend
    if not config.probing.seed and any(probe.calls_per_day for probe in config.probe):
        return (
            False,
            f"{found}; anybody can compute when test calls come: probing.seed is empty",
            "Set probing.seed to a word of your own that is told to nobody.",
        )
    return True, found, ""
