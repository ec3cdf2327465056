-- Facts, the ledger that makes them count, and what is needed to sweep and to show them.

-- One row per (resource, minute, edge, attempt at a segment); never replaced, deleted only by the sweep.
CREATE TABLE IF NOT EXISTS facts
(
    resource       LowCardinality(String),
    minute         DateTime('UTC') CODEC(Delta, ZSTD(1)),
    edge           LowCardinality(String),
    segment_id     UInt128 CODEC(LZ4),
    write_id       UInt64 CODEC(LZ4),
    segment_minute DateTime('UTC') CODEC(Delta, ZSTD(1)),
    requests       UInt64 CODEC(T64, ZSTD(1)),
    bytes_sent     UInt64 CODEC(T64, ZSTD(1)),
    body_bytes     UInt64 CODEC(T64, ZSTD(1)),
    hits           UInt64 CODEC(T64, ZSTD(1)),
    errors_4xx     UInt64 CODEC(T64, ZSTD(1)),
    errors_5xx     UInt64 CODEC(T64, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(segment_minute)
ORDER BY (resource, minute, edge, segment_id, write_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- One row per finished attempt, written after its facts; history is kept. Without partitions, because an INSERT is
-- atomic only within one: a reader must see the rows of one commit all or none, in the order of seq. What every read
-- at a cut touches is kept unpacked or in LZ4: hashes do not pack, and ZSTD made those reads twice as slow.
CREATE TABLE IF NOT EXISTS ledger
(
    segment_id       UInt128 CODEC(NONE),
    seq              UInt64 CODEC(Delta, LZ4),
    write_id         UInt64 CODEC(NONE),
    commit_id        UInt64 CODEC(ZSTD(1)),
    edge             LowCardinality(String),
    stream           LowCardinality(String),
    minute           DateTime('UTC') CODEC(Delta, ZSTD(1)),
    part             LowCardinality(String),
    state            LowCardinality(String),
    preferred        Bool,
    verified         Bool,
    lines            UInt64 CODEC(T64, ZSTD(1)),
    parsed           UInt64 CODEC(T64, ZSTD(1)),
    malformed        UInt64 CODEC(T64, ZSTD(1)),
    duplicates       UInt64 CODEC(T64, ZSTD(1)),
    flagged          UInt64 CODEC(T64, ZSTD(1)),
    bytes_sent       UInt64 CODEC(T64, ZSTD(1)),
    content_bytes    UInt64 CODEC(T64, ZSTD(1)),
    digest           String CODEC(ZSTD(1)),
    sha256           String CODEC(ZSTD(1)),
    sequence_unit    LowCardinality(String),
    sequence_epoch   LowCardinality(String),
    sequence_first   UInt64 CODEC(Delta, ZSTD(1)),
    sequence_next    UInt64 CODEC(Delta, ZSTD(1)),
    skip_first       Array(UInt64) CODEC(ZSTD(1)),
    skip_next        Array(UInt64) CODEC(ZSTD(1)),
    malformed_offset Array(UInt64) CODEC(ZSTD(1)),
    malformed_reason Array(String) CODEC(ZSTD(1)),
    format           LowCardinality(String),
    known            Array(LowCardinality(String)) CODEC(ZSTD(1)),
    path             String CODEC(ZSTD(1)),
    fingerprint      String CODEC(ZSTD(1)),
    reason           String CODEC(ZSTD(1)),
    committed_at     DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    -- pipeline.model.LedgerEntry.rank as one number that compares alike: 3 bits preferred, verified, undamaged, 36 of lines,
    -- 41 of content_bytes (more than that are equal), the first 48 of the digest. Overrides are all of one rank.
    rank             UInt128 MATERIALIZED if(preferred, bitShiftLeft(toUInt128(7), 125),
                         bitShiftLeft(toUInt128(2 * verified + (state IN ('received', 'empty'))), 125)
                         + bitShiftLeft(toUInt128(least(lines, 68719476735)), 89)
                         + bitShiftLeft(toUInt128(least(content_bytes, 2199023255551)), 48)
                         + reinterpretAsUInt64(reverse(substring(digest, 1, 6)))) CODEC(NONE),
    -- Half the width of segment_id and as good to look up by: reads at a cut touch it for every segment of the period.
    segment_key      UInt64 MATERIALIZED toUInt64(segment_id) CODEC(NONE),
    INDEX seq_range seq TYPE minmax GRANULARITY 8,
    PROJECTION newest (SELECT max(seq)),
    PROJECTION by_sequence (
        SELECT edge, stream, sequence_epoch, sequence_first, sequence_next, sequence_unit, segment_id
        ORDER BY (edge, stream, sequence_epoch, sequence_first))
)
ENGINE = MergeTree
ORDER BY (segment_id, seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 1024,
         non_replicated_deduplication_window = 10000;

-- Every write_id that facts may carry, announced before its facts: what was begun and never finished is found here.
CREATE TABLE IF NOT EXISTS writes
(
    write_id   UInt64,
    segment_id UInt128 CODEC(ZSTD(1)),
    rows       UInt64 CODEC(T64, ZSTD(1)),
    begun_at   DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
ORDER BY begun_at
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Attempts that a closed period counted: the sweep never deletes their facts.
CREATE TABLE IF NOT EXISTS pinned_writes
(
    write_id  UInt64,
    pinned_by String,
    pinned_at DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY write_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- How far the sweep came: no attempt superseded at or before `cut` is left.
CREATE TABLE IF NOT EXISTS sweeps
(
    cut      UInt64,
    swept_at DateTime64(3, 'UTC'),
    writes   UInt64
)
ENGINE = MergeTree
ORDER BY cut
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- The zone of each edge from `from` until `to`, from configuration; only the rows of the greatest generation hold.
CREATE TABLE IF NOT EXISTS edges
(
    generation UInt64,
    edge       String,
    zone       String,
    `from`     DateTime('UTC'),
    `to`       DateTime('UTC')
)
ENGINE = MergeTree
ORDER BY (generation, edge, `from`)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Winning facts only, each once. For ad-hoc questions: bills, closes and proofs read at a cut (reader.py).
CREATE VIEW IF NOT EXISTS usage AS
SELECT
    f.minute AS minute,
    f.resource AS resource,
    f.edge AS edge,
    if(f.minute < e.`to`, e.zone, '') AS zone,
    f.requests AS requests,
    f.bytes_sent AS bytes_sent,
    f.body_bytes AS body_bytes,
    f.hits AS hits,
    f.errors_4xx AS errors_4xx,
    f.errors_5xx AS errors_5xx
FROM
(
    SELECT * FROM facts
    WHERE write_id IN (SELECT write_id FROM ledger ORDER BY segment_id, rank DESC, seq DESC LIMIT 1 BY segment_id)
) AS f
ASOF LEFT JOIN
(
    SELECT edge, zone, `from`, `to` FROM edges WHERE generation = (SELECT max(generation) FROM edges)
) AS e ON f.edge = e.edge AND f.minute >= e.`from`;

-- The winning attempt of each segment; in the order of the ledger's key, so that memory does not grow with it.
CREATE VIEW IF NOT EXISTS segments AS
SELECT
    edge, stream, minute, part, state, lines, malformed, duplicates, flagged, bytes_sent,
    lower(hex(sha256)) AS sha256, committed_at
FROM ledger
ORDER BY segment_id, rank DESC, seq DESC
LIMIT 1 BY segment_id;
