"""What `prebill doctor` says of the store: its folder, what it holds, and whether all that was counted is there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.app.context import Context
    from pipeline.store.store import Store

OK, NOTE, FAIL = "ok", "note", "fail"

Found = tuple[str, str, str]
"""State, what was found, how to mend it."""

OTHERS_SHOWN = 3


def folder_found(folder: Path) -> Found | None:
    """What stands against opening the folder as a store, or that there is none in it yet; None: it may be opened."""
    from pipeline.store.errors import StoreError
    from pipeline.store.making import OF_STORE, is_there
    from pipeline.store.owner import LOCK, is_owned

    holder = next(place for place in (folder, *folder.absolute().parents) if os.path.lexists(place))
    if not holder.is_dir():
        mend = f"Move {holder} away, or mend store.dsn: it names a folder."
        return FAIL, f"{folder} cannot be a store: {holder} is no folder", mend
    if os.statvfs(holder).f_flag & os.ST_RDONLY:
        mend = f"mount -o remount,rw the file system of {holder}, as root; or mend store.dsn."
        return FAIL, f"{folder} cannot be written: its file system is mounted read-only", mend
    if not os.access(holder, os.W_OK | os.X_OK):
        what = (
            "cannot be written by this user"
            if holder == folder
            else f"is not there, and {holder} cannot be written"
        )
        mend = (
            f"mkdir -p {folder} && chown $(id -un) {folder}, as root; or run prebill as the folder's owner."
        )
        return FAIL, f"{folder} {what}", mend
    if (folder / LOCK).is_dir():
        mend = f"No process holds the store by it: rmdir {folder / LOCK}, or move it away."
        return FAIL, f"{folder / LOCK} is a folder, where the store's lock is a file", mend
    if is_owned(folder):
        return None
    try:
        there = is_there(folder)
    except StoreError as error:
        return FAIL, str(error), "Name another folder as store.dsn; or restore the store's own from a backup."
    if there:
        return None
    if not folder.exists():
        return NOTE, f"{folder} is not there yet", "`prebill run` makes it."
    others = sorted(path.name for path in folder.iterdir() if path.name not in OF_STORE)
    if others:
        shown = ", ".join(others[:OTHERS_SHOWN]) + (" …" if len(others) > OTHERS_SHOWN else "")
        mend = "`prebill run` would make one among them: better name a folder of its own as store.dsn."
        return NOTE, f"no store in {folder} yet, which holds other things: {shown}", mend
    return NOTE, f"no store in {folder} yet", "`prebill run` makes it."


def whole_found(store: Store) -> Found | None:
    """What of the store is gone; None where all that it counted is there. Looks through all of it."""
    from pipeline.app.whole_store import COUNT_AGAIN, FROM_BACKUP, aside_mend, aside_text, lost_text

    aside, lacks, lost = store.parts_aside(), store.ledger_lacks(), lost_text(store)
    found = [aside_text(aside)] if aside else []
    found += [f"{lacks:,} rows of the ledger are gone"] if lacks else []
    found += [lost] if lost else []
    if not found:
        return None
    return FAIL, "; ".join(found), FROM_BACKUP if lacks else aside_mend(aside) if aside else COUNT_AGAIN


def store_found(context: Context, name: str) -> list[tuple[str, Found]]:
    """The checks `store` and `segments`. Raises Failure where the store cannot be opened."""
    from pipeline.app.coverage.reason_screen import broken_found
    from pipeline.app.stores import any_store

    with any_store(context, make=False) as store:
        version = store.query("SELECT max(version) AS version FROM migrations")["version"][0].as_py()
        cut = store.cut()
        held = "" if store.owner else f", held by another process at {store.door[0]}:{store.door[1]}"
        broken, mend = broken_found(store.status(cut))
        ok = (OK, f"{name}: schema {version}, {cut:,} ledger entries{held}", "")
        return [("store", whole_found(store) or ok), ("segments", (NOTE if mend else OK, broken, mend))]
