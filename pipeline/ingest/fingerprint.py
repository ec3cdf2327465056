"""Tells versions of a file apart without reading it: size, time of change and inode, of the file and its sidecar.

The time of the inode's own change (ctime) is left out on purpose: a hard link, which quarantine makes, changes it.
"""

from __future__ import annotations

import os
import stat

from pipeline.ingest.names import sidecar_path


def fingerprint_of(found: os.stat_result, sidecar: os.stat_result | None = None) -> str:
    """`size-mtime-inode` in hexadecimal, and after a `/` the sidecar's where there is one."""
    text = f"{found.st_size:x}-{found.st_mtime_ns:x}-{found.st_ino:x}"
    return text if sidecar is None else f"{text}/{fingerprint_of(sidecar)}"


def fingerprint_file(path: str) -> str | None:
    """The fingerprint of the segment that lies at `path` now, links not followed; `None` when there is no file.

    What has a sidecar's name and is no regular file is none, as for `Spool.look`.
    """
    found, sidecar = stat_of(path), stat_of(sidecar_path(path))
    if found is None:
        return None
    return fingerprint_of(found, sidecar if sidecar is not None and stat.S_ISREG(sidecar.st_mode) else None)


def stat_of(path: str) -> os.stat_result | None:
    """What lies there itself, links not followed; None where nothing does, or it cannot be asked."""
    try:
        return os.lstat(path)
    except OSError:
        return None
