"""Opens the store for a command, and turns what its door says into a sentence and an exit code."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipeline.app.failures import OwnerFailure, ReachFailure, UsageFailure
from pipeline.app.terminal import say
from pipeline.app.whole_store import FROM_BACKUP, refuse_broken, warn_broken

if TYPE_CHECKING:
    from pipeline.app.context import Context
    from pipeline.store.store import Store


MOST_SAID = 400
"""Letters of what the engine says."""

ROOM = "Make room there and start it again: what is not in the store yet is read again, and nothing is lost."

AGAIN = "Try it again; `prebill doctor` looks at the machine."

_OF_THE_MACHINE = {
    **dict.fromkeys(
        (33, 40, 117, 226, 231, 246, 271, 432),
        ("the store cannot read what it holds, it is damaged", FROM_BACKUP),
    ),
    **dict.fromkeys((74, 75, 76, 107), ("the store cannot read or write a file of its own", FROM_BACKUP)),
    243: ("the store has no space left", ROOM),
    241: ("the store has no memory left", AGAIN),
    **dict.fromkeys((159, 202, 209, 210, 279), ("the store is too busy or too far to answer", AGAIN)),
}
"""Refusals that are no fault of a query: by ClickHouse's number, what they come to and what to do."""


@contextmanager
def existing_store(context: Context) -> Iterator[Store]:
    """The store, which must be there already: reading must not make an empty one. Raises UsageFailure, ReachFailure."""
    with any_store(context, make=False) as store:
        warn_broken(store)
        yield store


@contextmanager
def money_store(context: Context) -> Iterator[Store]:
    """The same for commands about money: refused where something of it cannot be read, for then no sum is right."""
    with any_store(context, make=False) as store:
        refuse_broken(store)
        yield store


@contextmanager
def any_store(context: Context, *, make: bool = True) -> Iterator[Store]:
    """The store, made, or brought up to date, where it is not. Raises UsageFailure, ReachFailure."""
    from pipeline.store.connect import open_store
    from pipeline.store.errors import (
        DamagedError,
        DiskFullError,
        DsnError,
        NoStoreError,
        OwnerEndedError,
        QueryError,
        SchemaError,
        StoreError,
    )

    # The driver logs what it also raises; what it raises is told below.
    for driver in ("clickhouse_connect", "urllib3.connectionpool"):
        logging.getLogger(driver).setLevel(logging.CRITICAL)
    try:
        with open_store(context.dsn, make=make) as store:
            yield store
    except DsnError as error:
        raise UsageFailure(str(error)) from None
    except NoStoreError as error:
        raise ReachFailure(
            str(error),
            mend="`prebill run` makes it; --store names another, and so does store.dsn in the configuration.",
        ) from None
    except QueryError as error:
        if why := _OF_THE_MACHINE.get(error.code):
            what, mend = why
            said = str(error).partition("DB::Exception: ")[2] or str(error)
            raise ReachFailure(
                f"{what}: {said[:MOST_SAID]}{'…' * (len(said) > MOST_SAID)}",
                mend=mend,
            ) from None
        raise  # the command knows whose query it was
    except DiskFullError as error:
        raise ReachFailure(str(error), mend=ROOM) from None
    except SchemaError as error:
        raise ReachFailure(str(error)) from None  # it says itself what to do
    except OwnerEndedError as error:
        raise OwnerFailure(
            str(error), mend="Start this again: it holds the store itself then, or finds who does."
        ) from None
    except DamagedError as error:
        raise ReachFailure(str(error), mend=FROM_BACKUP) from None
    except StoreError as error:
        raise ReachFailure(_plain(str(error)), mend="`prebill doctor` tells what is in the way.") from None
    except BrokenPipeError:
        raise  # the reader of our output has left; nothing is wrong with the store
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        raise ReachFailure(
            f"the store cannot be opened:{where} {error.strerror or error}",
            mend="`prebill doctor` tells more.",
        ) from None


def say_tried_again(what: str, error: Exception) -> None:
    """Says that `what`, done beside the main work, failed and will be tried again. Not where the process has ended that
    held the store: the main work tells that once, and begins anew with the next one."""
    from pipeline.store.errors import OwnerEndedError

    if not isinstance(error, OwnerEndedError):
        say(f"{what} and will be tried again: {error}")


def _plain(text: str) -> str:
    """What the door said, with the system's own word for a failed connection in place of the driver's chain of them."""
    reason = re.search(r"\[Errno -?\d+\] ([A-Za-z ]+)|(timed out)", text)
    before = text.split(": ", 1)[0]
    return f"{before}: {(reason[1] or reason[2]).strip().lower()}" if reason else text
