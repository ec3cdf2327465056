"""Keeps a copy of what cannot be read, with the reason beside it, for a person to look at; the spool is not changed.

Quarantine itself is a ledger entry with the state `quarantined`. The folder here is optional and only a convenience:
`<edge>/<stream>/<minute>[.<part>]-<version>.<codec>` and `….reason.json`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipeline.ingest.names import show_path
from pipeline.model import Segment

_ENDINGS = {"plain": ".log", "gzip": ".log.gz", "zstd": ".log.zst", "lz4": ".log.lz4"}


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A folder for copies of what cannot be read. A copy is a hard link where the file system allows it (no room, no
    time), else a copy of at most `max_copy_bytes`; without either the reason alone is kept."""

    folder: str
    max_copy_bytes: int = 256 << 20

    def keep(self, segment: Segment, reason: str, now: datetime) -> Path:
        """Keeps the segment's file and the reason, and returns the path of the latter; the same version of the same
        segment is kept once, however often it is asked for. Raises OSError when the folder cannot be written."""
        origin = segment.origin
        version = hashlib.blake2b(segment.fingerprint.encode(), digest_size=6).hexdigest()
        name = f"{origin}-{version}{_ENDINGS.get(segment.codec, '.log')}"
        kept = Path(self.folder) / name
        note = kept.with_name(kept.name + ".reason.json")
        if note.exists():
            return note
        kept.parent.mkdir(parents=True, exist_ok=True)
        missing = self._copy(segment.path, kept)
        document = {
            "edge": origin.edge,
            "stream": origin.stream,
            "minute": f"{origin.at:%Y-%m-%dT%H:%M:%SZ}",
            "part": origin.part,
            "path": show_path(segment.path),
            "fingerprint": segment.fingerprint,
            "reason": reason,
            "notes": list(segment.notes),
            "kept": kept.name if missing is None else None,
            "not_kept_because": missing,
            "at": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        }
        # the note comes last, and whole: it says that the rest is there
        half = note.with_name(f".{note.name}.{os.getpid()}")
        half.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        half.replace(note)
        return note

    def _copy(self, source: str, kept: Path) -> str | None:
        """Links or copies; says why when neither is possible."""
        if kept.exists():
            return None
        with contextlib.suppress(OSError):  # another file system, or one without links, or protected links
            os.link(source, kept, follow_symlinks=False)
            return None
        half = kept.with_name(f".{kept.name}.{os.getpid()}")
        try:
            size = Path(source).stat().st_size
            if size > self.max_copy_bytes:
                return f"its {size} bytes are more than max_copy_bytes = {self.max_copy_bytes}"
            shutil.copyfile(source, half, follow_symlinks=False)
            half.replace(kept)
        except OSError as error:
            return f"it cannot be copied: {error.strerror or error}"
        finally:
            half.unlink(missing_ok=True)
        return None
