-- Schema version 2, as SHOW CREATE TABLE gave it, with two attempts at one segment.

CREATE TABLE migrations
(
    `version` UInt32,
    `name` String,
    `checksum` String,
    `applied_at` DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY version
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 1000, index_granularity = 8192;

CREATE TABLE facts
(
    `resource` LowCardinality(String),
    `minute` DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    `edge` LowCardinality(String),
    `segment_id` UInt128 CODEC(LZ4),
    `write_id` UInt64 CODEC(LZ4),
    `segment_minute` DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    `requests` UInt64 CODEC(T64, ZSTD(1)),
    `bytes_sent` UInt64 CODEC(T64, ZSTD(1)),
    `body_bytes` UInt64 CODEC(T64, ZSTD(1)),
    `hits` UInt64 CODEC(T64, ZSTD(1)),
    `errors_4xx` UInt64 CODEC(T64, ZSTD(1)),
    `errors_5xx` UInt64 CODEC(T64, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(segment_minute)
ORDER BY (resource, minute, edge, segment_id, write_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192;

CREATE TABLE ledger
(
    `segment_id` UInt128 CODEC(NONE),
    `seq` UInt64 CODEC(Delta(8), LZ4),
    `write_id` UInt64 CODEC(NONE),
    `commit_id` UInt64 CODEC(ZSTD(1)),
    `edge` LowCardinality(String),
    `stream` LowCardinality(String),
    `minute` DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    `part` LowCardinality(String),
    `state` LowCardinality(String),
    `preferred` Bool,
    `verified` Bool,
    `lines` UInt64 CODEC(T64, ZSTD(1)),
    `parsed` UInt64 CODEC(T64, ZSTD(1)),
    `malformed` UInt64 CODEC(T64, ZSTD(1)),
    `duplicates` UInt64 CODEC(T64, ZSTD(1)),
    `flagged` UInt64 CODEC(T64, ZSTD(1)),
    `bytes_sent` UInt64 CODEC(T64, ZSTD(1)),
    `content_bytes` UInt64 CODEC(T64, ZSTD(1)),
    `digest` String CODEC(ZSTD(1)),
    `sha256` String CODEC(ZSTD(1)),
    `sequence_unit` LowCardinality(String),
    `sequence_epoch` LowCardinality(String),
    `sequence_first` UInt64 CODEC(Delta(8), ZSTD(1)),
    `sequence_next` UInt64 CODEC(Delta(8), ZSTD(1)),
    `skip_first` Array(UInt64) CODEC(ZSTD(1)),
    `skip_next` Array(UInt64) CODEC(ZSTD(1)),
    `malformed_offset` Array(UInt64) CODEC(ZSTD(1)),
    `malformed_reason` Array(String) CODEC(ZSTD(1)),
    `format` LowCardinality(String),
    `known` Array(LowCardinality(String)) CODEC(ZSTD(1)),
    `path` String CODEC(ZSTD(1)),
    `fingerprint` String CODEC(ZSTD(1)),
    `reason` String CODEC(ZSTD(1)),
    `committed_at` DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `full_rank` UInt256 MATERIALIZED if(preferred, bitShiftLeft(toUInt256(7), 253), (((bitShiftLeft(toUInt256((2 * verified) + (state IN ('received', 'empty'))), 253) + bitShiftLeft(toUInt256(least(lines, 1152921504606846975)), 193)) + bitShiftLeft(toUInt256(least(content_bytes, 1152921504606846975)), 133)) + bitShiftLeft(toUInt256(reinterpretAsUInt128(reverse(rightPad(digest, 16, '\0')))), 5)) + least(length(digest), 16)) CODEC(NONE),
    `segment_key` UInt64 MATERIALIZED toUInt64(segment_id) CODEC(NONE),
    INDEX seq_range seq TYPE minmax GRANULARITY 8,
    PROJECTION newest
    (
        SELECT max(seq)
    ),
    PROJECTION by_sequence
    (
        SELECT
            edge,
            stream,
            sequence_epoch,
            sequence_first,
            sequence_next,
            sequence_unit,
            segment_id
        ORDER BY
            edge,
            stream,
            sequence_epoch,
            sequence_first
    )
)
ENGINE = MergeTree
ORDER BY (segment_id, seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 1024, non_replicated_deduplication_window = 10000;

CREATE TABLE writes
(
    `write_id` UInt64,
    `segment_id` UInt128 CODEC(ZSTD(1)),
    `rows` UInt64 CODEC(T64, ZSTD(1)),
    `begun_at` DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta(8), ZSTD(1))
)
ENGINE = MergeTree
ORDER BY begun_at
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192;

CREATE TABLE pinned_writes
(
    `write_id` UInt64,
    `pinned_by` String,
    `pinned_at` DateTime64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY write_id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192;

CREATE TABLE sweeps
(
    `cut` UInt64,
    `swept_at` DateTime64(3, 'UTC'),
    `writes` UInt64
)
ENGINE = MergeTree
ORDER BY cut
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192;

CREATE TABLE edges
(
    `generation` UInt64,
    `edge` String,
    `zone` String,
    `from` DateTime('UTC'),
    `to` DateTime('UTC')
)
ENGINE = MergeTree
ORDER BY (generation, edge, `from`)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192;

CREATE VIEW usage
(
    `minute` DateTime('UTC'),
    `resource` LowCardinality(String),
    `edge` LowCardinality(String),
    `zone` String,
    `requests` UInt64,
    `bytes_sent` UInt64,
    `body_bytes` UInt64,
    `hits` UInt64,
    `errors_4xx` UInt64,
    `errors_5xx` UInt64
)
AS SELECT
    f.minute AS minute,
    f.resource AS resource,
    f.edge AS edge,
    if(f.minute < e.to, e.zone, '') AS zone,
    f.requests AS requests,
    f.bytes_sent AS bytes_sent,
    f.body_bytes AS body_bytes,
    f.hits AS hits,
    f.errors_4xx AS errors_4xx,
    f.errors_5xx AS errors_5xx
FROM
(
    SELECT *
    FROM facts
    WHERE write_id IN (
        SELECT write_id
        FROM ledger
        ORDER BY
            segment_id ASC,
            full_rank DESC,
            seq DESC
        LIMIT 1 BY segment_id
    )
) AS f
ASOF LEFT JOIN
(
    SELECT
        edge,
        zone,
        `from`,
        to
    FROM edges
    WHERE generation = (
        SELECT max(generation)
        FROM edges
    )
) AS e ON (f.edge = e.edge) AND (f.minute >= e.`from`);

CREATE VIEW segments
(
    `edge` LowCardinality(String),
    `stream` LowCardinality(String),
    `minute` DateTime('UTC'),
    `part` LowCardinality(String),
    `state` LowCardinality(String),
    `lines` UInt64,
    `malformed` UInt64,
    `duplicates` UInt64,
    `flagged` UInt64,
    `bytes_sent` UInt64,
    `sha256` String,
    `committed_at` DateTime64(3, 'UTC')
)
AS SELECT
    edge,
    stream,
    minute,
    part,
    state,
    lines,
    malformed,
    duplicates,
    flagged,
    bytes_sent,
    lower(hex(sha256)) AS sha256,
    committed_at
FROM ledger
ORDER BY
    segment_id ASC,
    full_rank DESC,
    seq DESC
LIMIT 1 BY segment_id;

INSERT INTO migrations (`version`, `name`, `checksum`, `applied_at`) VALUES (2, '0002_rank_to_the_last_bit', '157f6fffd735ce33d908d245e5cc56ef5ad94b8005f269658fd2081b36f8e272', '2026-11-22 14:51:27.072'), (1, '0001_facts_and_ledger', '8ecf1bd06e0009d3c56ff31ee778a935d05e1907239ad7d11f3a0a5debf929c9', '2026-11-22 14:51:26.990');

INSERT INTO facts (`resource`, `minute`, `edge`, `segment_id`, `write_id`, `segment_minute`, `requests`, `bytes_sent`, `body_bytes`, `hits`, `errors_4xx`, `errors_5xx`) VALUES ('a.example.ru', '2026-02-02 02:40:00', 'e1', 2337230825779695414339229170754252655, 1, '2026-02-02 02:40:00', 40, 40000, 36000, 20, 13, 8), ('a.example.ru', '2026-02-02 02:40:00', 'e1', 2337230825779695414339229170754252655, 2, '2026-02-02 02:40:00', 42, 42000, 37800, 21, 14, 8);

INSERT INTO ledger (`segment_id`, `seq`, `write_id`, `commit_id`, `edge`, `stream`, `minute`, `part`, `state`, `preferred`, `verified`, `lines`, `parsed`, `malformed`, `duplicates`, `flagged`, `bytes_sent`, `content_bytes`, `digest`, `sha256`, `sequence_unit`, `sequence_epoch`, `sequence_first`, `sequence_next`, `skip_first`, `skip_next`, `malformed_offset`, `malformed_reason`, `format`, `known`, `path`, `fingerprint`, `reason`, `committed_at`) VALUES (2337230825779695414339229170754252655, 2, 2, 10386839777203630258, 'e1', 'access', '2026-02-02 02:40:00', '1', 'received', false, false, 2, 10, 0, 0, 0, 1000, 2000, '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0', '', 'line', '1', 5, 15, [5], [6], [], [], 'edge-tsv', ['body_bytes','bytes_sent','errors_4xx','errors_5xx','hits','requests'], '/spool/e1/access/20260202T0240Z.1.log', 'f2', '', '2026-11-20 12:00:00.000'), (2337230825779695414339229170754252655, 1, 1, 16953485256898783934, 'e1', 'access', '2026-02-02 02:40:00', '1', 'received', false, false, 1, 10, 0, 0, 0, 1000, 2000, '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0', '', 'line', '1', 5, 15, [5], [6], [], [], 'edge-tsv', ['body_bytes','bytes_sent','errors_4xx','errors_5xx','hits','requests'], '/spool/e1/access/20260202T0240Z.1.log', 'f1', '', '2026-11-20 12:00:00.000');

INSERT INTO writes (`write_id`, `segment_id`, `rows`, `begun_at`) VALUES (2, 2337230825779695414339229170754252655, 1, '2026-11-22 14:51:27.123'), (1, 2337230825779695414339229170754252655, 1, '2026-11-22 14:51:27.089');

INSERT INTO pinned_writes (`write_id`, `pinned_by`, `pinned_at`) VALUES (1, '2026-10', '2026-02-02 02:40:00.000');

INSERT INTO edges (`generation`, `edge`, `zone`, `from`, `to`) VALUES (1, 'e1', 'ru-central', '2026-02-02 02:40:00', '2106-02-07 06:28:15');
