"""Where `prebill probe` puts what it sees, for as long as it runs: the store, and where the process has ended that held
it, the next one that does."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from pipeline.app.failures import OwnerFailure
from pipeline.app.stores import any_store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from pipeline.app.context import Context
    from pipeline.coverage.evidence import Evidence
    from pipeline.store.store import Store


class LastingStore:
    """For one thread at a time. Opened at once, and from then on whenever it has to be."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._held = ExitStack()
        self._store: Store | None = self._held.enter_context(any_store(context))
        self._ending = False

    def add(self, rows: Sequence[Evidence]) -> int:
        """Adds evidence; returns how many were new. Raises StoreError or Failure where nobody takes it now."""
        from pipeline.store.errors import OwnerEndedError

        try:
            return self._opened().add_evidence(rows)
        except OwnerEndedError:
            self._close()
        return self._opened().add_evidence(rows)

    def end(self) -> None:
        """What is added from now on is the last: where nobody holds the store, this process does."""
        self._ending = True

    def _opened(self) -> Store:
        if self._store is None:
            if not self._ending:
                self._await_owner()
            self._store = self._held.enter_context(any_store(self._context))
        return self._store

    def _await_owner(self) -> None:
        """Raises OwnerFailure while nobody holds it: a prober leaves that to the pipeline, which is about to return."""
        from pipeline.store.dsn import ChdbDsn, parse_dsn
        from pipeline.store.owner import is_owned

        dsn = parse_dsn(self._context.dsn)
        if isinstance(dsn, ChdbDsn) and not is_owned(dsn.path):
            raise OwnerFailure(
                f"the process that held the store {dsn} has ended, and no other one holds it yet"
            )

    def _close(self) -> None:
        self._store = None
        self._held.close()

    def __enter__(self) -> LastingStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._close()
