"""Looks: instants at which all that lay in the sources was in, noted by those who do not stay (`prebill run --once`).

They are kept among the evidence, as our own word; coverage reads them where beats say that we were blind. A beat says
more, that we were there and stayed, which a command that ends cannot promise.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from pipeline.coverage.evidence import Evidence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

LOOK = "look"
"""Their type; `prebill evidence add` does not know it, so that nobody else can say it."""


def make_look(at: float, now: float, actor: str = "prebill run --once") -> Evidence:
    """The note that at an instant all was in."""
    body = {"at": f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S.%fZ}", "type": LOOK}
    return Evidence(at, LOOK, "", "", body, actor, now)


def looks_of(evidence: Iterable[Evidence]) -> NDArray[np.float64]:
    """The instants of looks, float64 epoch seconds, ascending."""
    return np.array(sorted(each.at for each in evidence if each.type == LOOK), np.float64)
