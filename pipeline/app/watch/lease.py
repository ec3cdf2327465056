"""One watch at a time: takes the lease in the store, renews it while the work goes on, and says who else has it."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipeline.app.failures import Failure, ReachFailure
from pipeline.app.terminal import say
from pipeline.store.errors import OwnerEndedError, StoreError
from pipeline.store.leases import Lease, LeaseLostError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.store.store import Store

WATCH, COVERAGE, RESTORE = "watch", "coverage", "restore"
LASTS_S, RENEW_EVERY_S, LOOK_EVERY_S = 30.0, 10.0, 1.0


class HeldFailure(Failure):
    """Somebody else does it already."""

    code = 1


class Lost(threading.Event):
    """Set when a lease is lost; `failure`: why, where it was not that another one has taken it."""

    failure: Failure | None = None


_held: set[str] = set()
"""Holders of this process that are at work."""


def wanted(name: str, now: float) -> Lease:
    """A lease for this process. By the wall clock: `--now` is nobody else's time."""
    holder = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
    return Lease(name, holder, socket.gethostname(), os.getpid(), now, now + LASTS_S)


def is_dead(lease: Lease) -> bool:
    """Its process ran here and is gone: a crash need not be waited out. Neither need what this process itself could
    not give up, or one before it with the same number, as in a container that begins again."""
    if lease.host != socket.gethostname():
        return False
    if lease.pid == os.getpid():
        return lease.holder not in _held
    try:
        os.kill(lease.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


@contextmanager
def holding(store: Store, name: str, stop: threading.Event, *, wait: bool = False) -> Iterator[Lost]:
    """Holds the lease of a name; the event that it gives is set when the lease is lost, and the work must end.

    While another one is alive: raises HeldFailure, or waits. One that is gone is waited out, or replaced at once where
    that can be seen from here.
    """
    lease = _take(store, name, stop, wait=wait)
    lost, done = Lost(), threading.Event()

    def renew() -> None:
        held = lease
        while not done.wait(RENEW_EVERY_S):
            try:
                held = store.leases.renew(held, now=time.time(), ends_at=time.time() + LASTS_S)
            except LeaseLostError as error:
                say(f"prebill {name}: {error}; this one stops")
                lost.set()
                return
            except StoreError as error:
                if time.time() > held.ends_at:
                    say(f"prebill {name}: the lease ran out: {error}")
                    lost.failure = ReachFailure(
                        f"the store did not answer for {LASTS_S:.0f} s, so that another one may do this now: {error}",
                        mend="Nothing is lost. Started again, it goes on from what is in the store.",
                    )
                    lost.set()
                    return

    thread = threading.Thread(target=renew, name=f"lease {name}", daemon=True)
    _held.add(lease.holder)
    thread.start()
    try:
        yield lost
    finally:
        done.set()
        thread.join(timeout=10)
        _held.discard(lease.holder)
        if not lost.is_set():
            try:
                store.leases.release(lease, now=time.time())
            except OwnerEndedError:
                pass  # whoever begins anew sees that it is nobody's
            except StoreError as error:
                say(f"prebill {name}: the lease could not be given up, it ends by itself: {error}")


def _take(store: Store, name: str, stop: threading.Event, *, wait: bool) -> Lease:
    told, first = False, None
    while True:
        now = time.time()
        mine = wanted(name, now)
        try:
            held = store.leases.take(mine, now=now)
        except StoreError as error:
            if not told or isinstance(error, OwnerEndedError):
                raise
            if stop.wait(LOOK_EVERY_S):  # a server that is away for a while; who waits can wait for it too
                raise HeldFailure(f"stopped while the store did not answer: {error}") from None
            continue
        if held.holder == mine.holder:
            return mine
        if is_dead(held):
            if store.leases.take(mine, now=now, over=held.holder).holder == mine.holder:
                return mine
            continue
        first = first or held
        who = f"process {held.pid} on {held.host}, since {time.strftime('%H:%M:%SZ', time.gmtime(held.begun_at))}"
        # of another machine nobody here sees whether it lives: it does if it renews
        if not wait and (held.host == socket.gethostname() or held.ends_at > first.ends_at):
            raise HeldFailure(
                f"another prebill watches this store already: {who}",
                mend="One at a time decides and tells. --wait stands by, and takes over when it ends.",
            )
        if not told:
            say(f"prebill {name}: {who} has it; waiting for its end …")
            told = True
        if stop.wait(LOOK_EVERY_S):
            raise HeldFailure(f"stopped while {who} was at it")
