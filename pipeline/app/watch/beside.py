"""What a watch does beside incidents: rounds of the support desk's mail, requests that are solved, and a look every few
minutes for customers who are heading for a bill far above their usual one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from incidents.words import instant_text
from pipeline.app.terminal import say
from pipeline.app.watch.loop import Feed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.app.bills.spike_watch import SpikeCase
    from pipeline.app.configuration.settings import Config
    from pipeline.store.store import Store

Lines = list[dict[str, Any]]

ROUND_S, LOOK_S = 20.0, 300.0
LATE_S = 2 * 3600.0
"""Neither is what clients' service hangs on: a mail server that is away, or a book of thousands, may take its time."""


def feeds_beside(store: Store, config: Config, clock: Callable[[], float]) -> Iterator[Feed]:
    """Those that are configured."""
    yield Feed("requests", solved_requests(store, clock), every_s=ROUND_S, late_s=LATE_S)
    desk = config.support
    if desk.maildir or desk.imap or desk.smtp:
        yield Feed("support", mail_rounds(store, config, clock), every_s=ROUND_S, late_s=LATE_S)
    if any(customer.contract for customer in config.customer):
        yield Feed("spikes", spike_looks(store, config), every_s=LOOK_S, late_s=LATE_S)


def mail_rounds(store: Store, config: Config, clock: Callable[[], float]) -> Callable[[float], Lines]:
    """A round of the desk's mail; a technical request becomes evidence in the store, where the watch finds it."""
    from incidents.desk.rounds import office
    from pipeline.app.support.log import StoreLog
    from pipeline.app.support.mail import one_round

    log, of = StoreLog(store, clock), office(config.support)

    def step(now: float) -> Lines:
        for problem in one_round(store, log, of, config, datetime.fromtimestamp(now, UTC)).failed:
            say(f"support: {problem}; it is tried again in the next round")
        return []

    return step


def solved_requests(store: Store, clock: Callable[[], float]) -> Callable[[float], Lines]:
    """Technical requests that are closed end their incidents, as soon as nothing else holds those open."""
    from pipeline.app.support.log import StoreLog, end_solved

    log = StoreLog(store, clock)

    def step(now: float) -> Lines:
        end_solved(store, log, now)
        return []

    return step


def spike_looks(store: Store, config: Config) -> Callable[[float], Lines]:
    """Each warning as a request of normal priority, told once a month of each customer: finance has it in the queue,
    and the client hears of it from us first."""
    from pipeline.app.bills.spike_watch import SpikeWatch

    watch, told = SpikeWatch(store, config), set[str]()

    def step(now: float) -> Lines:
        lines = []
        for case in watch.look(datetime.fromtimestamp(now, UTC)).raised:
            line = spike_line(case)
            if line["id"] not in told:
                told.add(line["id"])
                say(f"spike: customer {line['customer']}: {line['text']}")
                lines.append(line)
        return lines

    return step


def spike_line(case: SpikeCase) -> dict[str, Any]:
    """The warning as an event of the incident log; the same id for the same customer and month."""
    warning = case.warning
    at = warning.hour * 3600.0
    month = f"{datetime.fromtimestamp(at, UTC):%Y-%m}"
    return {
        "at": instant_text(at),
        "type": "request",
        "id": f"spike {warning.customer} {month}",
        "customer": warning.customer,
        "kind": "billing",
        "text": (
            f"heading for {warning.current.expected:,.2f} {warning.currency} this month, usually {warning.usual:,.2f};"
            f" under the best plan {warning.best.expected:,.2f}. Tell the client before he finds out himself:"
            " prebill spikes --letters"
        ),
    }
