"""One thread's sums over raw log content: it feeds a kernel blocks, and tells what came of them.

Content comes from anything with `readinto` (pipeline.ingest.codecs); columns go to aggregates and segment usage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kernels import entry
from kernels import layout as at
from kernels.memory import zeroed
from pipeline.content import Lending
from pipeline.groups import Groups, Names, empty_groups, join_groups
from pipeline.overlap import unite
from pipeline.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pipeline.content import Content, Digest
    from pipeline.formats.compiled import Compiled

BLOCK = 2 << 20
"""Bytes asked of a content at a time. What unpacks them must have the GIL for every call: with 512 KiB two threads of
gzip took 3 % longer, with 4 MiB 4 %."""

STRETCH = 1 << 20
"""Bytes of a plain stretch read at a time, without the GIL. What stays in the second-level cache until the kernel has
seen it saves up to 5 % against 2 MiB; fewer reads save 3 to 10 % against 512 KiB (Zen 4, three formats)."""

PACKED_STRETCH = 384 << 10
"""The same of a packed one, where unpacking and the kernel share that cache: 256 to 512 KiB take the same time, 2 MiB
5 % more with two threads."""

NEWLINE = 10

OVERFLOWN = f"its lines claim more than {at.BYTES_FULL / 1e18:.2f} EB: is that column a count of bytes?"
"""What people are told of a content whose sums of bytes are wrong."""

CUT = len(at.REASONS)
"""Why a last line is malformed that breaks off with its content; no kernel sees it."""
REASONS = (*at.REASONS, "cut")


class Tally(Tables):
    """Tables and a buffer for one thread; used for one content after another, cleared in between.

    After `scan`: in `knew` the measures that lines told, a set for each stretch of lines under one header; in
    `content_bytes` how many bytes the content had; counters by `count`, where lines were malformed by `malformed_at`,
    sums by `groups` and `names`.
    """

    def __init__(
        self,
        *,
        room_for_bad: int = 100,
        seed: int | None = None,
        block: int = BLOCK,
        lines_limit: int = at.LINES_LIMIT,
    ) -> None:
        self._lines_limit = lines_limit
        self._stretch: NDArray[np.int64] = zeroed(at.STRETCH_SIZE, np.int64)
        self._new_block(block)
        super().__init__(room_for_bad, seed)

    def clear(self, expected_bytes: int = 0) -> None:
        """Forget everything; `expected_bytes` of content to come says how large a table of groups to begin with."""
        super().clear(expected_bytes)
        self.knew: set[frozenset[str]] = set()
        self.content_bytes = 0
        self._aside: list[Groups] = []
        self._aside_lines = 0

    def scan(
        self,
        content: Content,
        compiled: Compiled,
        *,
        skips: tuple[tuple[int, int], ...] = (),
        offset: int = 0,
        digest: Digest | None = None,
        on_block: Callable[[int], None] | None = None,
    ) -> int:
        """Add a content to the sums; how many bytes it had. `offset`: where in the whole content it begins.

        What `content` raises comes through after all lines before it were counted. A last line without its end is then
        malformed, unless the fault says that the content had `ended`: a number in it may be cut.
        """
        self._dirty = True
        self._skips = np.array(skips or ((0, 0),), np.int64)
        self._tables[at.SKIPS], self._tables[at.SKIP_COUNT] = self._skips.ctypes.data, len(skips)
        self._know_hits(compiled)
        self._follow(compiled)
        self._counted_before = self._counted()
        base = offset  # where in the content the block begins
        kept = 0
        extra = 0
        overlong = False
        fault: Exception | None = None

        def told(done: int) -> None:
            if self.count(at.PARSED) - self._aside_lines > self._lines_limit:
                self._put_aside()
            if on_block is not None:
                on_block(done - offset)

        native = digest.native if digest is not None else (0, 0)
        lending = content if native is not None and isinstance(content, Lending) else None
        self._stretch[at.S_DIGEST :] = native or (0, 0)
        while True:
            if lending is not None and not overlong:
                kept, base, compiled = self._scan_stretches(lending, kept, base, compiled, told)
            if kept >= len(self._block) - 1:
                self._widen(kept)
            end = len(self._block) - 1
            wanted = end if lending is None else min(end, kept + PACKED_STRETCH)
            view = self._block.data[kept:wanted]
            got = 0
            try:
                got = content.readinto(view)
            except Exception as error:
                fault = error  # raised below, once what came before it is counted
            if got and digest is not None:
                digest.update(view[:got])
            end = kept + got
            broken = fault is not None and not getattr(fault, "ended", False)
            if broken and kept and self._block[0] != compiled.fmt.comment:
                self._note_unread(base, CUT)
                base, kept, end = base + kept, 0, 0
            if not got and kept:
                self._block[end] = NEWLINE  # the last line lacks its own
                end, extra = end + 1, 1
            begin = 0
            if overlong:
                begin = self._next_line(end)
                overlong = begin > end
                begin = min(begin, end)
            while begin < end:
                begin, directive = self._scan_block(begin, end, base, compiled)
                if not directive:
                    break
                compiled, begin = self._rename_columns(begin, end, compiled)
            kept = end - begin
            base += begin
            self._block[:kept] = self._block[begin:end].copy()
            if kept > at.LINE_LIMIT + 4:
                self._note_unread(base, at.TOO_LONG)
                base, kept, overlong = base + kept, 0, True
            told(base + kept)
            if not got:
                break
        self._note_known(compiled)
        self.content_bytes = base + kept - offset - extra
        if fault is not None:
            raise fault
        return self.content_bytes

    def _scan_stretches(
        self, content: Lending, kept: int, base: int, compiled: Compiled, told: Callable[[int], None]
    ) -> tuple[int, int, Compiled]:
        """Scan the stretches that the content lends, behind the `kept` bytes that the block holds; how many it then
        holds, where in the content it begins, and the format from there on."""
        stretch = self._stretch
        while kept < PACKED_STRETCH and (lent := content.lend()) is not None:
            room = min(len(self._block) - 1, PACKED_STRETCH if lent.packed else STRETCH)
            stretch[: at.S_DIGEST] = *lent[:3], self._block_address, room, 0, kept, base, lent.packed
            while True:
                scan, spec = compiled.scan.address, self._spec_address
                answer = entry.read_stretch(scan, stretch.ctypes.data, spec, *self._addresses)
                if answer == at.DONE:
                    break
                if answer == at.DIRECTIVE_LINE:
                    at_line, end = int(stretch[at.S_BEGIN]), int(stretch[at.S_END])
                    compiled, stretch[at.S_BEGIN] = self._rename_columns(at_line, end, compiled)
                else:
                    self._provide(answer, compiled)
            kept, base = int(stretch[at.S_END]), int(stretch[at.S_BASE])
            told(base + kept)
            if stretch[at.S_LEFT]:
                content.give_back(int(stretch[at.S_LEFT]))
                break
        return kept, base, compiled

    def _follow(self, compiled: Compiled) -> None:
        """Tell the kernels where the format's arrays are. Once a format, not a block: an address asked of numpy takes
        a microsecond."""
        self._tables[at.LITERALS] = compiled.literals.ctypes.data
        self._tables[at.TEMPLATE] = compiled.template.ctypes.data
        self._tables[at.KEYS] = compiled.keys.ctypes.data
        self._tables[at.EXACT] = compiled.exact.known_address
        self._spec_address = compiled.spec.ctypes.data

    def _scan_block(self, begin: int, end: int, base: int, compiled: Compiled) -> tuple[int, bool]:
        """Scan lines of the block; how far it came, and whether a line that renames columns stopped it."""
        compiled.spec[at.FIRST_OFFSET] = base
        scan, block, spec = compiled.scan, self._block_address, self._spec_address
        state, tables = self._addresses
        while True:
            answer = scan(block, begin, end, spec, state, tables)
            begin = int(self.state[at.CONSUMED])
            if answer in (at.DONE, at.DIRECTIVE_LINE):
                return begin, answer == at.DIRECTIVE_LINE
            self._provide(answer, compiled)

    def _provide(self, answer: int, compiled: Compiled) -> None:
        """Give a scan what it stopped for."""
        if answer == at.NEED_EXACT:
            self._tables[at.EXACT] = compiled.exact.address
        else:
            self._grow(answer)

    def _rename_columns(self, begin: int, end: int, compiled: Compiled) -> tuple[Compiled, int]:
        """Read the header line that begins here; the format from there on, and where the next line begins."""
        from pipeline.formats.compiled import recompile

        line = self._block[begin:end]
        length = int(np.argmax(line == NEWLINE))
        self.state[[at.LINES, at.COMMENTS]] += 1
        self._note_known(compiled)
        renamed = recompile(compiled, line[:length].tobytes())
        self._follow(renamed)
        return renamed, begin + length + 1

    def _counted(self) -> tuple[int, int, int]:
        return self.count(at.PARSED), self.count(at.TOTAL_SENT), self.count(at.TOTAL_BODY)

    def _note_known(self, compiled: Compiled) -> None:
        """Note which measures the requests since the last note told: those of the format as its last header left it,
        but of bytes under a key that JSON may leave out only those that were seen."""
        (parsed, *bytes_before), self._counted_before = self._counted_before, self._counted()
        if self._counted_before[0] == parsed:
            return
        known = compiled.fmt.known
        for name, place, before, after in zip(
            ("bytes_sent", "body_bytes"),
            (at.BYTES_SENT, at.BODY_BYTES),
            bytes_before,
            self._counted_before[1:],
            strict=True,
        ):
            role = compiled.fmt.role(name) if compiled.fmt.kind == "ndjson" else None
            if role is not None and role.optional and after == before and not self._had_key(compiled, place):
                known -= {name}
        self.knew.add(known)

    def _had_key(self, compiled: Compiled, role: int) -> bool:
        """Whether the line that was last read exactly had a key of a role."""
        found = self._scratch[at.FOUND]
        paths = range(int(compiled.spec[at.JSON_KEYS]))
        return any(
            compiled.keys[j, at.P_ROLE] == role and found[at.FOUND_WORDS * j + at.F_KIND] != at.MISSING
            for j in paths
        )

    def _widen(self, kept: int) -> None:
        """Make room for a line that is longer than the block."""
        narrow = self._block
        self._new_block(2 * len(narrow))
        self._block[:kept] = narrow[:kept]

    def _new_block(self, size: int) -> None:
        self._block: NDArray[np.uint8] = zeroed(size, np.uint8)
        self._block_address = self._block.ctypes.data

    def _note_unread(self, offset: int, reason: int) -> None:
        """Count a line that no kernel sees."""
        used = int(self.state[at.BAD_USED])
        if used < len(self._bad):
            self._bad[used] = offset, reason
            self.state[at.BAD_USED] += 1
        self.state[at.MALFORMED] += 1
        self.state[at.LINES] += 1

    def _next_line(self, end: int) -> int:
        """Where the line after the first newline begins; beyond `end` where there is none."""
        newlines = np.flatnonzero(self._block[:end] == NEWLINE)
        return int(newlines[0]) + 1 if len(newlines) else end + 1

    def malformed_at(self) -> list[tuple[int, str]]:
        """Offset and reason of malformed lines, as many as there was room for."""
        used = int(self.state[at.BAD_USED])
        return [(int(offset), REASONS[reason]) for offset, reason in self._bad[:used].tolist()]

    def seen(self) -> tuple[int, int] | None:
        """First number and one more than the last of the lines' own sequence numbers; None where there are none."""
        first, last = int(self.state[at.SEQ_MIN]), int(self.state[at.SEQ_MAX])
        return (first, last + 1) if last >= 0 else None

    def runs(self) -> tuple[tuple[int, int], ...]:
        """The lines' own sequence numbers as ascending runs [first, next)."""
        run = int(self.state[at.RUN_FIRST]), int(self.state[at.RUN_NEXT])
        if not self.state[at.SEEN_USED]:
            return (run,) if run[0] >= 0 else ()
        others = np.sort(self._seen[self._seen != 0].astype(np.int64) - 1)
        outside = others[(others < run[0]) | (others >= run[1])]
        breaks = np.flatnonzero(np.diff(outside) != 1) + 1
        parts = [part for part in np.split(outside, breaks) if len(part)]
        return unite([run, *((int(part[0]), int(part[-1]) + 1) for part in parts)])

    @property
    def overflown(self) -> bool:
        """Whether lines claim so many bytes that sums of them are wrong."""
        return max(self.count(at.TOTAL_SENT), self.count(at.TOTAL_BODY)) >= at.BYTES_FULL

    def names(self) -> Names:
        """All names by number: resources, and edges and cache statuses that were asked for."""
        used, end = self.count(at.NAMES_USED), self.count(at.ARENA_USED)
        return Names(self._arena[:end].copy(), np.append(self._name_places[:used], end))

    @property
    def spilled(self) -> bool:
        """Whether `groups` may tell of a group more than once, because there were more lines than 32 bits count."""
        return bool(self._aside)

    def _put_aside(self) -> None:
        """Empty the table of groups before a count in it could overflow."""
        self._aside.append(self._listed())
        self._index[:] = 0
        self.state[at.GROUPS_USED] = 0
        self._aside_lines = self.count(at.PARSED)

    def groups(self) -> Groups:
        """All groups."""
        parts = [*self._aside, self._listed()]
        return parts[0] if len(parts) == 1 else join_groups(parts)

    def list_into(self, columns: Groups, first: int, begin: int, end: int) -> None:
        """Write groups [begin, end) to columns, from the first-th row on; not for a tally that has spilled."""
        entry.list_groups(
            self._groups.ctypes.data + at.SLOT_BYTES * begin,
            end - begin,
            columns.minute.ctypes.data + 4 * first,
            columns.name.ctypes.data + 4 * first,
            columns.extra.ctypes.data + 8 * first,
            columns.sums.ctypes.data + 8 * first,
            columns.sums.shape[1],
        )

    def _listed(self) -> Groups:
        columns = empty_groups(self.group_count)
        self.list_into(columns, 0, 0, self.group_count)
        return columns
