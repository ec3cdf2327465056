"""`prebill up`: the pipeline and the watch in one process, which owns the embedded store."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from pipeline.app.commands.run import (
    bring_in,
    check_spool,
    housekeeping,
    past_owners,
    spool_format,
    stop_on_signals,
)
from pipeline.app.commands.watch import ended, told_begin
from pipeline.app.parameters import Flag, Given
from pipeline.app.stores import any_store
from pipeline.app.terminal import say
from pipeline.app.whole_store import restore as restore_lost

if TYPE_CHECKING:
    from pipeline.app.commands.run import StopEvent
    from pipeline.app.configuration.settings import Config
    from pipeline.app.context import Context
    from pipeline.app.watch.lease import Lost
    from pipeline.formats.model import LogFormat


def up(*, wait: Flag = False, context: Given) -> int:
    """Run everything in one process, until stopped: the pipeline over the spool, and the watch over what it brings in.

    Other commands work meanwhile: they find this process by the store.

    Parameters
    ----------
    wait
        While another process watches this store, stand by with that part and take it over when it ends.
    """
    config = context.config
    check_spool(config)
    fmt = spool_format(config, context.now().timestamp())
    with stop_on_signals() as stop:
        return past_owners(lambda: _with_store(config, fmt, context, stop, wait=wait), stop)


def _with_store(config: Config, fmt: LogFormat, context: Context, stop: StopEvent, *, wait: bool) -> int:
    from pipeline.app.support.api import api_of
    from pipeline.app.watch.watching import watch_of

    with any_store(context) as store, housekeeping(store, context, stop):
        if store.parts_aside():
            restore_lost(store, fmt, stop)
        failed: list[BaseException] = []
        lost: list[Lost] = []

        def watch() -> None:
            try:
                with (
                    watch_of(store, config, context.clock(), stop, wait=wait) as (watching, gone),
                    api_of(store, config, context.clock(), watching),
                ):
                    told_begin(watching)
                    watching.run(stop, gone)
                    if gone.is_set():
                        lost.append(gone)
                        stop.set()
            except BaseException as error:
                failed.append(error)
                stop.set()

        thread = threading.Thread(target=watch, name="watch", daemon=True)
        thread.start()
        try:
            bring_in(config, store, fmt, context, stop, once=False)
        finally:
            stop.set()
            thread.join(timeout=60)
            if thread.is_alive():
                say("the watch did not end in time; nothing that was decided is lost")
        if failed:
            raise failed[0]
        ended(stop, *lost)
    return 0
