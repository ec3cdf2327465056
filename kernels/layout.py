"""Places in the arrays that kernels share with their callers: the format's spec, the counters, the tables' slots.

`spec` is int64[SPEC_SIZE], what a format says; it does not change while a block is scanned. `state` is
int64[STATE_SIZE], what scanning has come to. `tables` is int64[TABLES_SIZE], where everything else lies. All are
filled by these names alone.
"""

from __future__ import annotations

PAD = 320
"""Bytes that a vector loop may read before the begin and beyond the end of what it was given."""

# -- spec: a format, as numbers. Columns are -1 where a role is missing.
SEPARATOR, QUOTES, MIN_COLUMNS, COMMENT, PREFIX_LENGTH = range(5)
TIME, TIME_OF_DAY, RESOURCE, STATUS, BYTES_SENT, BODY_BYTES, CACHE, EDGE, SEQ = range(5, 14)
ROLES = (TIME, TIME_OF_DAY, RESOURCE, STATUS, BYTES_SENT, BODY_BYTES, CACHE, EDGE, SEQ)
TIME_TYPE, TIME_UNIT, ZONE_SECONDS, URL_HOST = range(14, 18)
OPTIONAL = 18  # bit (role - TIME) set: the value may be missing
BY_EDGE, BY_STATUS, BY_CACHE = range(19, 22)  # 1: part of the key
SEQ_PLACE, SEQ_FIRST = range(
    23, 25
)  # what numbers a line that has no number of its own; the number of the first
HOME_MINUTE, EARLIEST, LATEST = range(
    26, 29
)  # the segment's minute and the bounds beyond which a line is flagged
NEEDED_COLUMNS = 29  # one more than the highest column that has a role
FIRST_OFFSET = 30  # offset in the content of the buffer's first byte; set for each call
JSON_KEYS = 32  # ndjson: how many paths of keys have a role
DIRECTIVE = 33  # 1: comment lines may rename columns and are handed back to the caller
SEQ_COLUMN = 34  # 1: lines have numbers of their own, by which repetitions are told
SPEC_SIZE = 40

EPOCH, CLF, ISO, DATE_TIME = range(4)
UNIT_AUTO, UNIT_S, UNIT_MS, UNIT_US, UNIT_NS = range(5)
SEQ_NONE, SEQ_LINES, SEQ_BYTES = range(3)
NO_BOUND = 1 << 40

# -- state: counters, and how full the tables are
LINES, BLANK, COMMENTS, PARSED, MALFORMED, DUPLICATES, FLAGGED = range(7)
NAMES_USED, ARENA_USED, GROUPS_USED, BAD_USED = range(7, 11)
RUN_FIRST, RUN_NEXT, SEEN_USED, SEQ_MIN, SEQ_MAX = range(11, 16)
CONSUMED = 16  # bytes of the block that are done
CACHE_NAMES, SEED, SEED_2 = 17, 18, 24  # names below CACHE_NAMES are cache statuses that count as hits
TOTAL_SENT, TOTAL_BODY = 19, 20
MEMO_DATE_1, MEMO_DATE_2, MEMO_DAY = 21, 22, 23
SLOW_LINES = 25  # lines that no fast path took: a figure for benchmarks
HASHED = 26  # two words: the hash of the name last asked for
CROWDED = 28  # 1: a group's entry lies far from its place in the index
MEMO_EPOCH, MEMO_HIGH = 29, 30  # the first eight bytes of the last epoch, and the number in them
MEMO_CACHE = 32  # 64 pairs: a short cache status, and its length and number
STATE_SIZE = 160

# -- what a scan answers
DONE, GROW_NAMES, GROW_GROUPS, GROW_ARENA, GROW_SEEN, DIRECTIVE_LINE, NEED_EXACT, GROW_INDEX, GO_ON = range(9)
SPREAD_INDEX = 9  # its regions of minutes are crowded: it wants to be made without them

# -- why a line is malformed; 0 is a good line
(
    GOOD,
    BAD_PREFIX,
    BAD_QUOTE,
    BAD_JSON,
    BAD_COLUMNS,
    BAD_TIME,
    BAD_STATUS,
    BAD_BYTES,
    BAD_SEQ,
    BAD_RESOURCE,
    BAD_EDGE,
    BAD_CACHE,
    TOO_LONG,
) = range(13)
REASONS = (
    "",
    "prefix",
    "quote",
    "json",
    "columns",
    "time",
    "status",
    "bytes",
    "seq",
    "resource",
    "edge",
    "cache",
    "long",
)
UNREADABLE, UNKNOWN = -1, -2  # what parsers answer instead of a value

# -- tables. A group, and the first half of a line of the batch, word by word: two words of the resource's hash;
# minute and, above it, the resource's number; what else the key holds; requests and hits; 4xx and 5xx, 32 bits each;
# bytes sent; body bytes. A group has an entry in an index, 32 bits: in an index of 2^k slots its number + 1 in the
# lower k, and of its hash above; 0 is free. A name's slot: two words of its hash, its number + 1 (0 is free), nothing.
N_HASH, N_HASH_2, N_NUMBER = range(3)
NAME_BYTES = 32
SLOT_BYTES = 64
G_HASH, G_HASH_2, G_MINUTE, G_EXTRA, G_REQUESTS, G_ERRORS, G_SENT, G_BODY = range(8)
LINES_LIMIT = 1 << 31
"""Lines after which a tally must be emptied, so that no 32-bit count overflows."""
BYTES_LIMIT = 10**16 - 1
"""Of a response, sixteen digits; more is no count of bytes. So a batch comes to less than BYTES_FULL."""
BYTES_FULL = 1 << 60
"""Bytes of a content from which on its sums are of no use: TOTAL_SENT and TOTAL_BODY stop there and do not wrap."""
NAME_LIMIT = 255
CACHE_LIMIT = 63
LINE_LIMIT = 16 * 1024 * 1024
"""A longer line is malformed."""
PIECE = 16 << 10
"""Bytes whose outline is made at a time: they stay in the first-level cache, and places in them fit 16 bits. A longer
line is read exactly."""
BATCH = 96
"""Lines that are parsed before their names and then their groups are looked up: enough to hide the memory's latency."""

# -- a line of the batch, int64[BATCH, LINE_WORDS]: a group's slot, then what is needed to find it
B_NAME, B_NAME_LENGTH, B_HASH, B_GROUP, B_SEQ = range(8, 13)
LINE_WORDS = 16
LINE_BYTES = 8 * LINE_WORDS

# -- tables: addresses and sizes, int64[TABLES_SIZE]. Kernels get addresses and no arrays, because numba counts
# references of arrays with locked instructions at every inner call: 0.5 GB/s instead of 4.
(
    NAMES,
    NAME_SLOTS,
    ARENA,
    ARENA_BYTES,
    GROUPS,
    GROUP_ROOM,
    SEEN,
    SEEN_SLOTS,
    SKIPS,
    SKIP_COUNT,
    BAD,
    BAD_ROOM,
) = range(12)
LINE_BATCH, PLACES, COLUMNS, COLUMN_ROOM, LITERALS, TEMPLATE, KEYS, FOUND, EXACT, INDEX, INDEX_SLOTS = range(
    12, 23
)
NAME_PLACES = 24  # where in the arena each name begins, by number
LINE_ENDS = 25  # of the outline: for each line, which of PLACES is its newline's
SPECIALS = 26  # of the outline: places of what may nest or escape
MINUTE_BITS = 27  # of a place in the index, its upper ones, that the minute says alone
TABLES_SIZE = 32

# -- a stretch of a content: the plain file where it is read from, and how much is left; the block, its room and what of
# it is not scanned yet; the offset in the content of the block's first byte; the packed file that stands for the plain
# one (0: none); a function that takes the bytes on their way, and its state (0: none)
S_FD, S_AT, S_LEFT, S_BLOCK, S_ROOM, S_BEGIN, S_END, S_BASE, S_PACKED, S_DIGEST, S_DIGEST_STATE = range(11)
STRETCH_SIZE = 11

# -- a packed file: ISA-L's functions and its inflate_state, the file and how far it is read, a buffer for what is read;
# 1 once it is not sound
U_INFLATE, U_RESET, U_STATE, U_FD, U_AT, U_INPUT, U_INPUT_SIZE, U_UNSOUND = range(8)
PACKED_SIZE = 8

# -- where in inflate_state it is told what to do, and tells how far it came: bytes, as igzip_lib.h of ISA-L 2.30 and
# later lays it out
I_NEXT_OUT, I_AVAIL_OUT, I_NEXT_IN, I_AVAIL_IN, I_READ_IN_LENGTH = 0, 8, 16, 32, 36
I_BLOCK_STATE, I_CRC_FLAG = 21_160, 21_172
I_FINISHED = 5  # a block_state
I_GZIP = 1  # a crc_flag: headers are read, checksums compared
INFLATE_STATE_BYTES = 1 << 17  # it has 87,000

# -- ndjson. A path of KEYS: its role, how many names it has, then place and length of each among the literals. Where
# a role has several paths they stand in the order in which they count.
P_ROLE, P_DEPTH, P_NAMES = range(3)
PATH_DEPTH = 6
PATH_WORDS = P_NAMES + 2 * PATH_DEPTH
PATHS = 32
NESTING = 64

# -- what an exact reading found of each path, FOUND: int64[PATHS, FOUND_WORDS]; and the keys on the line's first
# level, in order, behind it: ordinal of the opening quote, place, length, path that ends with it or -1.
F_BEGIN, F_END, F_KIND, F_MATCHED, F_PENDING = range(5)
FOUND_WORDS = 8
MISSING, TEXT, TOKEN, NULL = range(4)
FIRST_LEVEL = PATHS * FOUND_WORDS  # word: how many keys follow
L_ORDINAL, L_PLACE, L_LENGTH, L_PATH = range(4)
LEVEL_KEYS = 128
QUOTES_SEEN = FIRST_LEVEL + 1 + 4 * LEVEL_KEYS  # word: how many quotes the line has
FOUND_SIZE = QUOTES_SEEN + 1

# -- the template, learned from the line before: how many quotes a line has (-1: does not matter) and how many at least,
# how many keys to look at, then of each: ordinal of its opening quote, length from there up to its value, address of
# these bytes, role (-1: only to be there).
K_QUOTES, K_LEAST, K_COUNT, K_KEYS = range(4)
K_ORDINAL, K_LENGTH, K_BYTES, K_ROLE = range(4)
KEY_BYTES = 64
TEMPLATE_BYTES = K_KEYS + 4 * LEVEL_KEYS  # word from which on these bytes lie, KEY_BYTES a key
TEMPLATE_SIZE = TEMPLATE_BYTES + LEVEL_KEYS * KEY_BYTES // 8
