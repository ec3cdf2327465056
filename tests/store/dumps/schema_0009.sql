-- Schema version 9, as SHOW CREATE TABLE gave it: two attempts at one segment, a gap, a close, a rebill, an incident, a request.

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

CREATE TABLE beats
(
    `at` DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1))
)
ENGINE = MergeTree
ORDER BY at
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192;

CREATE TABLE bill_log
(
    `seq` UInt64,
    `commit_id` UInt64,
    `kind` Enum8('bill' = 1, 'credit_note' = 2, 'proposed' = 3, 'approved' = 4, 'rejected' = 5, 'withdrawn' = 6),
    `number` UInt64,
    `of` UInt64,
    `rebill` String,
    `customer` String,
    `from` DateTime64(6, 'UTC'),
    `to` DateTime64(6, 'UTC'),
    `tz` LowCardinality(String),
    `plan` LowCardinality(String),
    `plan_version` UInt32,
    `currency` LowCardinality(String),
    `net` Decimal(38, 9),
    `tax` Decimal(38, 9),
    `total` Decimal(38, 9),
    `at` DateTime64(6, 'UTC'),
    `actor` LowCardinality(String),
    `reason` String,
    `body` String CODEC(ZSTD(3)),
    `digest` String,
    `chain` String
)
ENGINE = MergeTree
ORDER BY (customer, seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000, index_granularity = 8192;

CREATE TABLE closed_resources
(
    `attempt` UInt64,
    `close_id` UInt64,
    `period` LowCardinality(String),
    `customer` LowCardinality(String),
    `resource` String CODEC(ZSTD(1)),
    `from` DateTime('UTC') CODEC(ZSTD(1)),
    `to` DateTime('UTC') CODEC(ZSTD(1)),
    `begun_at` DateTime64(3, 'UTC') CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (attempt, close_id, resource)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192;

CREATE TABLE closed_usage
(
    `close_id` UInt64,
    `period` LowCardinality(String),
    `customer` LowCardinality(String),
    `resource` LowCardinality(String),
    `minute` DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    `edge` LowCardinality(String),
    `zone` LowCardinality(String),
    `requests` UInt64 CODEC(T64, ZSTD(1)),
    `bytes_sent` UInt64 CODEC(T64, ZSTD(1)),
    `body_bytes` UInt64 CODEC(T64, ZSTD(1)),
    `hits` UInt64 CODEC(T64, ZSTD(1)),
    `errors_4xx` UInt64 CODEC(T64, ZSTD(1)),
    `errors_5xx` UInt64 CODEC(T64, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY period
ORDER BY (customer, close_id, resource, minute, edge)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192;

CREATE TABLE closes
(
    `seq` UInt64,
    `commit_id` UInt64,
    `close_id` UInt64,
    `period` LowCardinality(String),
    `tz` LowCardinality(String),
    `customer` String,
    `from` DateTime('UTC'),
    `to` DateTime('UTC'),
    `cut` UInt64,
    `digest` String,
    `rows` UInt64,
    `closed_at` DateTime64(6, 'UTC'),
    `actor` LowCardinality(String),
    `reason` String,
    `body` String CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (period, customer, seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000, index_granularity = 8192;

CREATE TABLE counters
(
    `edge` LowCardinality(String),
    `at` DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `requests_total` UInt64 CODEC(Delta(8), ZSTD(1)),
    `bytes_sent_total` UInt64 CODEC(Delta(8), ZSTD(1)),
    `added_at` DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta(8), ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (edge, at, added_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192;

CREATE TABLE coverage_days
(
    `day` Date,
    `edge` LowCardinality(String),
    `stream` LowCardinality(String),
    `firsts` Array(UInt16) CODEC(ZSTD(1)),
    `afters` Array(UInt16) CODEC(ZSTD(1)),
    `states` Array(Enum8('none' = 0, 'received' = 1, 'empty' = 2, 'late' = 3, 'missing' = 4, 'damaged' = 5, 'partial' = 6, 'paused' = 7, 'unexpected' = 8, 'decommissioned' = 9, 'unknown' = 10)) CODEC(ZSTD(1)),
    `checked_at` DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(checked_at)
PARTITION BY toYYYYMM(day)
ORDER BY (day, edge, stream)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192;

CREATE TABLE desk_events
(
    `seq` UInt64 CODEC(Delta(8), ZSTD(1)),
    `commit_id` UInt64 CODEC(ZSTD(1)),
    `at` DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `added_at` DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `type` LowCardinality(String),
    `request` String CODEC(ZSTD(1)),
    `customer` String CODEC(ZSTD(1)),
    `actor` LowCardinality(String),
    `key` String CODEC(ZSTD(1)),
    `body` String CODEC(ZSTD(3))
)
ENGINE = MergeTree
ORDER BY seq
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000, index_granularity = 8192;

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

CREATE TABLE evidence
(
    `at` DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `type` LowCardinality(String),
    `edge` LowCardinality(String),
    `stream` LowCardinality(String),
    `body` String CODEC(ZSTD(1)),
    `added_at` DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `actor` LowCardinality(String),
    `key` FixedString(16)
)
ENGINE = MergeTree
ORDER BY (type, at, key)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192;

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

CREATE TABLE gap_history
(
    `seq` UInt64 CODEC(Delta(8), ZSTD(1)),
    `commit_id` UInt64 CODEC(ZSTD(1)),
    `id` String CODEC(ZSTD(1)),
    `updated` DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `class` Enum8('missing' = 1, 'damaged' = 2, 'sequence' = 3, 'counter' = 4),
    `edge` LowCardinality(String),
    `stream` LowCardinality(String),
    `from` DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    `to` DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    `lost_lines` Nullable(UInt64),
    `lost_low` UInt64,
    `lost_expected` UInt64,
    `lost_high` UInt64,
    `lost_exact` Nullable(UInt64),
    `method` LowCardinality(String),
    `customers` Array(String) CODEC(ZSTD(1)),
    `shares` Array(Float64) CODEC(ZSTD(1)),
    `state` LowCardinality(String),
    `first_seen` DateTime64(6, 'UTC'),
    `recoverable_until` Nullable(DateTime64(6, 'UTC')),
    `task` String,
    `reason` String,
    `evidence` Array(String) CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (id, seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000, index_granularity = 8192;

CREATE TABLE gap_money
(
    `gap` String CODEC(ZSTD(1)),
    `updated` DateTime64(6, 'UTC'),
    `minutes` UInt32,
    `basis` LowCardinality(String),
    `low` LowCardinality(String),
    `expected` LowCardinality(String),
    `high` LowCardinality(String),
    `currency` LowCardinality(String),
    `body` String CODEC(ZSTD(3)),
    `rated_at` DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(rated_at)
ORDER BY gap
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 8192;

CREATE TABLE incident_acts
(
    `seq` UInt64 CODEC(Delta(8), ZSTD(1)),
    `commit_id` UInt64 CODEC(ZSTD(1)),
    `at` DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `incident` String CODEC(ZSTD(1)),
    `act` LowCardinality(String),
    `actor` LowCardinality(String),
    `reason` String CODEC(ZSTD(1)),
    `body` String CODEC(ZSTD(1)),
    `key` String CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (incident, seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000, index_granularity = 8192;

CREATE TABLE incident_changes
(
    `seq` UInt64 CODEC(Delta(8), ZSTD(1)),
    `commit_id` UInt64 CODEC(ZSTD(1)),
    `event_seq` UInt64 CODEC(Delta(8), ZSTD(1)),
    `at` DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `incident` String CODEC(ZSTD(1)),
    `kind` LowCardinality(String),
    `scope_kind` LowCardinality(String),
    `scope_id` String CODEC(ZSTD(1)),
    `harm` LowCardinality(String),
    `priority` LowCardinality(String),
    `status` LowCardinality(String),
    `change` LowCardinality(String),
    `audience` LowCardinality(String),
    `level` UInt16,
    `draft` Bool,
    `flaps` UInt32,
    `notice` String CODEC(ZSTD(1)),
    `actor` LowCardinality(String),
    `parent` String CODEC(ZSTD(1)),
    `reason` String CODEC(ZSTD(1)),
    `body` String CODEC(ZSTD(3)),
    `key` FixedString(16)
)
ENGINE = MergeTree
ORDER BY (incident, seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000, index_granularity = 8192;

CREATE TABLE incident_deliveries
(
    `seq` UInt64 CODEC(Delta(8), ZSTD(1)),
    `commit_id` UInt64 CODEC(ZSTD(1)),
    `at` DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `notice` String CODEC(ZSTD(1)),
    `incident` String CODEC(ZSTD(1)),
    `recipient` LowCardinality(String),
    `channel` LowCardinality(String),
    `attempt` UInt32,
    `ok` Bool,
    `error` String CODEC(ZSTD(1)),
    `reason` String CODEC(ZSTD(1)),
    `key` String CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (notice, seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000, index_granularity = 8192;

CREATE TABLE incident_events
(
    `seq` UInt64 CODEC(Delta(8), ZSTD(1)),
    `commit_id` UInt64 CODEC(ZSTD(1)),
    `taken_at` DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `at` DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `type` LowCardinality(String),
    `body` String CODEC(ZSTD(1)),
    `actor` LowCardinality(String),
    `key` FixedString(16)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(taken_at)
ORDER BY seq
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000, index_granularity = 8192;

CREATE TABLE incident_snapshots
(
    `seq` UInt64,
    `commit_id` UInt64,
    `event_seq` UInt64,
    `at` DateTime64(6, 'UTC'),
    `state` String CODEC(ZSTD(1)),
    `written_at` DateTime('UTC') DEFAULT now()
)
ENGINE = MergeTree
ORDER BY seq
TTL written_at + toIntervalDay(3)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000, index_granularity = 8192;

CREATE TABLE leases
(
    `seq` UInt64 CODEC(Delta(8), ZSTD(1)),
    `commit_id` UInt64 CODEC(ZSTD(1)),
    `name` LowCardinality(String),
    `holder` LowCardinality(String),
    `host` LowCardinality(String),
    `pid` UInt32,
    `begun_at` DateTime64(6, 'UTC'),
    `ends_at` DateTime64(6, 'UTC')
)
ENGINE = MergeTree
ORDER BY (name, seq)
TTL toDateTime(ends_at, 'UTC') + toIntervalDay(30)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000, index_granularity = 8192;

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
    ),
    PROJECTION streams
    (
        SELECT
            edge,
            stream,
            min(minute),
            max(minute),
            count()
        GROUP BY
            edge,
            stream
    )
)
ENGINE = MergeTree
ORDER BY (segment_id, seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 1024, non_replicated_deduplication_window = 10000;

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

CREATE VIEW bills
(
    `number` UInt64,
    `kind` String,
    `customer` String,
    `from` DateTime64(6, 'UTC'),
    `to` DateTime64(6, 'UTC'),
    `tz` LowCardinality(String),
    `plan` LowCardinality(String),
    `plan_version` UInt32,
    `currency` LowCardinality(String),
    `net` Decimal(38, 9),
    `tax` Decimal(38, 9),
    `total` Decimal(38, 9),
    `of` UInt64,
    `credited` UInt64,
    `rebill` String,
    `at` DateTime64(6, 'UTC'),
    `actor` LowCardinality(String),
    `reason` String,
    `digest` String,
    `body` String
)
AS SELECT
    number,
    toString(kind) AS kind,
    customer,
    `from`,
    to,
    tz,
    plan,
    plan_version,
    currency,
    net,
    tax,
    total,
    of,
    credit.credited AS credited,
    rebill,
    at,
    actor,
    reason,
    digest,
    body
FROM bill_log AS log
LEFT JOIN
(
    SELECT
        of AS bill,
        max(number) AS credited
    FROM bill_log
    WHERE kind = 'credit_note'
    GROUP BY of
) AS credit ON log.number = credit.bill
WHERE log.kind IN ('bill', 'credit_note')
ORDER BY number ASC;

CREATE VIEW closed
(
    `period` LowCardinality(String),
    `customer` LowCardinality(String),
    `minute` DateTime('UTC'),
    `resource` LowCardinality(String),
    `edge` LowCardinality(String),
    `zone` LowCardinality(String),
    `requests` UInt64,
    `bytes_sent` UInt64,
    `body_bytes` UInt64,
    `hits` UInt64,
    `errors_4xx` UInt64,
    `errors_5xx` UInt64
)
AS SELECT
    period,
    customer,
    minute,
    resource,
    edge,
    zone,
    requests,
    bytes_sent,
    body_bytes,
    hits,
    errors_4xx,
    errors_5xx
FROM closed_usage
WHERE close_id IN (
    SELECT close_id
    FROM closes
);

CREATE VIEW coverage
(
    `edge` LowCardinality(String),
    `stream` LowCardinality(String),
    `from` DateTime('UTC'),
    `to` DateTime('UTC'),
    `state` String
)
AS SELECT
    edge,
    stream,
    min(begins) AS `from`,
    max(ends) AS to,
    state
FROM
(
    SELECT
        edge,
        stream,
        begins,
        ends,
        state,
        sum(is_new) OVER (PARTITION BY edge, stream ORDER BY begins ASC) AS run
    FROM
    (
        SELECT
            edge,
            stream,
            begins,
            ends,
            state,
            (lagInFrame(ends) OVER before != begins) OR (lagInFrame(state) OVER before != state) AS is_new
        FROM
        (
            SELECT
                edge,
                stream,
                toDateTime(day, 'UTC') + toIntervalMinute(f) AS begins,
                toDateTime(day, 'UTC') + toIntervalMinute(a) AS ends,
                toString(s) AS state
            FROM coverage_days
            FINAL
            ARRAY JOIN
                firsts AS f,
                afters AS a,
                states AS s
        )
        WINDOW before AS (PARTITION BY edge, stream ORDER BY begins ASC ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
    )
)
GROUP BY
    edge,
    stream,
    state,
    run
ORDER BY
    edge ASC,
    stream ASC,
    `from` ASC;

CREATE VIEW gaps
(
    `id` String,
    `class` String,
    `edge` LowCardinality(String),
    `stream` LowCardinality(String),
    `from` DateTime('UTC'),
    `to` DateTime('UTC'),
    `minutes` UInt32,
    `lost_lines` Nullable(UInt64),
    `lost_bytes` Tuple(
        low UInt64,
        expected UInt64,
        high UInt64,
        exact Nullable(UInt64)),
    `method` LowCardinality(String),
    `customers` Array(Tuple(
        id String,
        share Float64)),
    `money` Tuple(
        low Nullable(String),
        expected Nullable(String),
        high Nullable(String),
        currency Nullable(String)),
    `state` LowCardinality(String),
    `first_seen` DateTime64(6, 'UTC'),
    `recoverable_until` Nullable(DateTime64(6, 'UTC')),
    `task` String
)
AS SELECT
    id,
    toString(class) AS class,
    edge,
    stream,
    `from`,
    to,
    toUInt32(intDiv(dateDiff('second', `from`, to), 60)) AS minutes,
    lost_lines,
    CAST(tuple(lost_low, lost_expected, lost_high, lost_exact), 'Tuple(low UInt64, expected UInt64, high UInt64, exact Nullable(UInt64))') AS lost_bytes,
    method,
    CAST(arrayZip(customers, shares), 'Array(Tuple(id String, share Float64))') AS customers,
    CAST(tuple(nullIf(low, ''), nullIf(expected, ''), nullIf(high, ''), nullIf(currency, '')), 'Tuple(low Nullable(String), expected Nullable(String), high Nullable(String), currency Nullable(String))') AS money,
    state,
    first_seen,
    recoverable_until,
    task
FROM
(
    SELECT *
    FROM gap_history
    ORDER BY
        id ASC,
        seq DESC
    LIMIT 1 BY id
) AS latest
LEFT JOIN
(
    SELECT
        gap,
        toString(low) AS low,
        toString(expected) AS expected,
        toString(high) AS high,
        toString(currency) AS currency
    FROM gap_money
    ORDER BY
        gap ASC,
        rated_at DESC
    LIMIT 1 BY gap
) AS rated ON latest.id = rated.gap
ORDER BY
    `from` ASC,
    id ASC;

CREATE VIEW incidents
(
    `incident` String,
    `kind` String,
    `scope_kind` String,
    `scope_id` String,
    `harm` String,
    `priority` String,
    `status` String,
    `since` DateTime64(6, 'UTC'),
    `updated` DateTime64(6, 'UTC'),
    `reason` String,
    `actor` String,
    `parent` String,
    `flaps` UInt32,
    `notices` UInt32
)
AS SELECT
    incident,
    argMax(kind, seq) AS kind,
    argMax(scope_kind, seq) AS scope_kind,
    argMax(scope_id, seq) AS scope_id,
    argMax(harm, seq) AS harm,
    argMax(priority, seq) AS priority,
    argMax(status, seq) AS status,
    min(incident_changes.at) AS since,
    max(incident_changes.at) AS updated,
    argMaxIf(reason, seq, (change NOT IN ('notice', 'acknowledged'))) AS reason,
    argMaxIf(actor, seq, (change NOT IN ('notice', 'acknowledged'))) AS actor,
    argMax(parent, seq) AS parent,
    argMax(flaps, seq) AS flaps,
    toUInt32(countIf(change = 'notice')) AS notices
FROM incident_changes
GROUP BY incident
ORDER BY
    since ASC,
    incident ASC;

CREATE VIEW rebills
(
    `seq` UInt64,
    `rebill` String,
    `step` String,
    `customer` String,
    `of` UInt64,
    `at` DateTime64(6, 'UTC'),
    `actor` LowCardinality(String),
    `reason` String,
    `net` Decimal(38, 9),
    `tax` Decimal(38, 9),
    `total` Decimal(38, 9),
    `currency` LowCardinality(String)
)
AS SELECT
    seq,
    rebill,
    toString(kind) AS step,
    customer,
    of,
    at,
    actor,
    reason,
    net,
    tax,
    total,
    currency
FROM bill_log
WHERE rebill != ''
ORDER BY seq ASC;

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
    `committed_at` DateTime64(3, 'UTC'),
    `reason` String
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
    committed_at,
    reason
FROM ledger
ORDER BY
    segment_id ASC,
    full_rank DESC,
    seq DESC
LIMIT 1 BY segment_id;

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

INSERT INTO migrations (`version`, `name`, `checksum`, `applied_at`) VALUES (8, '0008_gap_money', 'cbfa96c12b462f2a3442773c6208deff0e231b1557f340e553b6f8ddac73e33a', '2026-11-23 06:12:40.845'), (1, '0001_facts_and_ledger', '8ecf1bd06e0009d3c56ff31ee778a935d05e1907239ad7d11f3a0a5debf929c9', '2026-11-23 06:12:40.000'), (2, '0002_rank_to_the_last_bit', '157f6fffd735ce33d908d245e5cc56ef5ad94b8005f269658fd2081b36f8e272', '2026-11-23 06:12:40.158'), (3, '0003_coverage', '14c614a668b93853b71f622145c759c9c60b89a72c29062db565a4e771f4c4e5', '2026-11-23 06:12:40.397'), (4, '0004_closes', '56195db5b9b5a9081cfef072b94720d933eff8470a4ad5200a562bcc04975350', '2026-11-23 06:12:40.434'), (5, '0005_bills', 'a591b586c41c858885f28622b7211e760d2989bcc827831462b62ee1252ad59d', '2026-11-23 06:12:40.479'), (6, '0006_incidents', '06436be573ad272028c40613bc15cf6ac844f61b40f249f7711a85d6ecdb8653', '2026-11-23 06:12:40.796'), (9, '0009_why_a_segment_is_broken', '3b9ae79423f6460018f1cbeff4945171fb6aed51dd6221adf91459b8f183a5ec', '2026-11-23 06:12:40.871'), (7, '0007_desk', 'f0bc5a7a48150aa93b72393354d8ca73642228ad55f9ef1186f519026e0f4c2f', '2026-11-23 06:12:40.815');

INSERT INTO beats (`at`) VALUES ('2026-02-02 02:40:00.000');

INSERT INTO bill_log (`seq`, `commit_id`, `kind`, `number`, `of`, `rebill`, `customer`, `from`, `to`, `tz`, `plan`, `plan_version`, `currency`, `net`, `tax`, `total`, `at`, `actor`, `reason`, `body`, `digest`, `chain`) VALUES (2, 15277128018190798832, 'proposed', 0, 1, 'rc5faab77f0e1', 'c1', '2026-09-30 21:00:00.000000', '2026-10-31 21:00:00.000000', 'Europe/Moscow', 'start', 1, 'RUB', 180000.07, 39600.02, 219600.09, '2026-11-05 09:30:15.250001', 'anna', 'viral day', '{"bill":{"currency":"RUB","customer":"c1","customer_name":null,"lines":[{"amount":"180000.07","id":"traffic","kind":"charge","name":{"en":"traffic"},"parts":[{"amount":"180000.07","price":"180000.07","units":"1","what":"tier 1"}],"quantity":"1","rule":"per_unit","unit":"GB"},{"amount":"39600.02","id":"НДС","kind":"tax","name":{"en":"НДС"},"parts":[{"amount":"39600.02","price":"39600.02","units":"1","what":"tier 1"}],"quantity":"1","rule":"per_unit","unit":"GB"}],"net":"180000.07","period":{"from":"2026-09-30T21:00:00Z","to":"2026-10-31T21:00:00Z","tz":"Europe/Moscow"},"plan":"start","plan_name":{},"plan_version":1,"proof":null,"provisional":[],"state":"final","tax":"39600.02","total":"219600.09","uncounted":[]},"discounts":[]}', '2b08fc9b9ddfd312e7e24ea37cc432435f2a8054bcaa9eaabfdd8721b714c186', '2bd7082247321006b0551e809dfa41141c3ca2a81da39546f07d594b95dae23b'), (3, 8885352440322414516, 'approved', 0, 1, 'rc5faab77f0e1', 'c1', '1970-01-01 00:00:00.000000', '1970-01-01 00:00:00.000000', '', '', 0, '', 0, 0, 0, '2026-11-05 09:30:15.250001', 'boris', 'agreed', '{"proposal":"2b08fc9b9ddfd312e7e24ea37cc432435f2a8054bcaa9eaabfdd8721b714c186"}', 'a0dc2d61ed30c154c135a344a1d52222eba1878d59bfd6377f11a92719b22bb5', '8a76919ad11e7d68f1888e58851f2d37a1980da060a63201396dfb203da5e2fb'), (4, 8885352440322414516, 'credit_note', 2, 1, 'rc5faab77f0e1', 'c1', '2026-09-30 21:00:00.000000', '2026-10-31 21:00:00.000000', 'Europe/Moscow', 'start', 1, 'RUB', -1000000, -220000, -1220000, '2026-11-05 09:30:15.250001', 'boris', 'viral day', '{"currency":"RUB","customer":"c1","customer_name":null,"lines":[{"amount":"-1000000.00","id":"traffic","kind":"charge","name":{"en":"traffic"},"parts":[{"amount":"-1000000.00","price":"1000000.00","units":"-1","what":"tier 1"}],"quantity":"-1","rule":"takes back bill 1: viral day; per_unit","unit":"GB"},{"amount":"-220000.00","id":"НДС","kind":"tax","name":{"en":"НДС"},"parts":[{"amount":"-220000.00","price":"220000.00","units":"-1","what":"tier 1"}],"quantity":"-1","rule":"takes back bill 1: viral day; per_unit","unit":"GB"}],"net":"-1000000.00","period":{"from":"2026-09-30T21:00:00Z","to":"2026-10-31T21:00:00Z","tz":"Europe/Moscow"},"plan":"start","plan_name":{},"plan_version":1,"proof":null,"provisional":[],"state":"final","tax":"-220000.00","total":"-1220000.00","uncounted":[]}', 'f8b758efc6995cab50b6b5739a1c0a88fa2d3c040472ac30ac35e7f84ed202d4', 'a9eaa9c0bc2d732c0e1896860b2a88639567e98647088de42583c09b11ee70db'), (5, 8885352440322414516, 'bill', 3, 1, 'rc5faab77f0e1', 'c1', '2026-09-30 21:00:00.000000', '2026-10-31 21:00:00.000000', 'Europe/Moscow', 'start', 1, 'RUB', 180000.07, 39600.02, 219600.09, '2026-11-05 09:30:15.250001', 'boris', 'viral day', '{"currency":"RUB","customer":"c1","customer_name":null,"lines":[{"amount":"180000.07","id":"traffic","kind":"charge","name":{"en":"traffic"},"parts":[{"amount":"180000.07","price":"180000.07","units":"1","what":"tier 1"}],"quantity":"1","rule":"per_unit","unit":"GB"},{"amount":"39600.02","id":"НДС","kind":"tax","name":{"en":"НДС"},"parts":[{"amount":"39600.02","price":"39600.02","units":"1","what":"tier 1"}],"quantity":"1","rule":"per_unit","unit":"GB"}],"net":"180000.07","period":{"from":"2026-09-30T21:00:00Z","to":"2026-10-31T21:00:00Z","tz":"Europe/Moscow"},"plan":"start","plan_name":{},"plan_version":1,"proof":null,"provisional":[],"state":"final","tax":"39600.02","total":"219600.09","uncounted":[]}', '4108b1910d3a2c7b2bfa5c83330a332dc06aa2f7e22e2b49b71ee33c6526abf7', '8ddf61ca0594d7c4c47622074bd3f49dbdbb72a1c7b054015dda4b803d45108c'), (1, 7738679961662766313, 'bill', 1, 0, '', 'c1', '2026-09-30 21:00:00.000000', '2026-10-31 21:00:00.000000', 'Europe/Moscow', 'start', 1, 'RUB', 1000000, 220000, 1220000, '2026-11-05 09:30:15.250001', 'robot', '', '{"currency":"RUB","customer":"c1","customer_name":null,"lines":[{"amount":"1000000.00","id":"traffic","kind":"charge","name":{"en":"traffic"},"parts":[{"amount":"1000000.00","price":"1000000.00","units":"1","what":"tier 1"}],"quantity":"1","rule":"per_unit","unit":"GB"},{"amount":"220000.00","id":"НДС","kind":"tax","name":{"en":"НДС"},"parts":[{"amount":"220000.00","price":"220000.00","units":"1","what":"tier 1"}],"quantity":"1","rule":"per_unit","unit":"GB"}],"net":"1000000.00","period":{"from":"2026-09-30T21:00:00Z","to":"2026-10-31T21:00:00Z","tz":"Europe/Moscow"},"plan":"start","plan_name":{},"plan_version":1,"proof":null,"provisional":[],"state":"final","tax":"220000.00","total":"1220000.00","uncounted":[]}', '4833ff7543a51ebde523b62c3f09770f96350c1d7fb4fc9f1ee8a913049e90b8', '9ef2b2a7a1d00a3fdb9ae5d89c466ee2407c13389229cf4cca3836ca3879bddc');

INSERT INTO closed_resources (`attempt`, `close_id`, `period`, `customer`, `resource`, `from`, `to`, `begun_at`) VALUES (17020290151188586793, 7, '2026-02', 'c1', 'a.example.ru', '2026-02-02 02:40:00', '2026-02-02 02:41:00', '2026-02-02 02:40:00.000');

INSERT INTO closed_usage (`close_id`, `period`, `customer`, `resource`, `minute`, `edge`, `zone`, `requests`, `bytes_sent`, `body_bytes`, `hits`, `errors_4xx`, `errors_5xx`) VALUES (7, '2026-02', 'c1', 'a.example.ru', '2026-02-02 02:40:00', 'e1', 'ru-central', 42, 42000, 37800, 21, 14, 8);

INSERT INTO closes (`seq`, `commit_id`, `close_id`, `period`, `tz`, `customer`, `from`, `to`, `cut`, `digest`, `rows`, `closed_at`, `actor`, `reason`, `body`) VALUES (1, 4147562787859093425, 7, '2026-02', 'UTC', 'c1', '2026-02-02 02:40:00', '2026-02-02 02:41:00', 2, '0ea3291f35115991200076d7794852cc9a947a1b369ffc07a3ec00bb79103204', 1, '2026-02-02 02:40:00.000000', 'anna', '', '{}');

INSERT INTO counters (`edge`, `at`, `requests_total`, `bytes_sent_total`, `added_at`) VALUES ('e1', '2026-02-02 02:40:00.000000', 42, 42000, '2026-11-23 06:12:41.230207');

INSERT INTO coverage_days (`day`, `edge`, `stream`, `firsts`, `afters`, `states`, `checked_at`) VALUES ('2026-02-02', 'e1', 'access', [160], [161], ['received'], '2026-02-02 02:40:00.000000');

INSERT INTO desk_events (`seq`, `commit_id`, `at`, `added_at`, `type`, `request`, `customer`, `actor`, `key`, `body`) VALUES (1, 2755981456975858143, '2026-02-02 02:40:00.000000', '2026-02-02 02:40:00.000000', 'received', '1', 'c1', 'anna', 'k1', '{"text": "Почему?"}');

INSERT INTO edges (`generation`, `edge`, `zone`, `from`, `to`) VALUES (1, 'e1', 'ru-central', '2026-02-02 02:40:00', '2106-02-07 06:28:15');

INSERT INTO facts (`resource`, `minute`, `edge`, `segment_id`, `write_id`, `segment_minute`, `requests`, `bytes_sent`, `body_bytes`, `hits`, `errors_4xx`, `errors_5xx`) VALUES ('a.example.ru', '2026-02-02 02:40:00', 'e1', 2337230825779695414339229170754252655, 2, '2026-02-02 02:40:00', 42, 42000, 37800, 21, 14, 8), ('a.example.ru', '2026-02-02 02:40:00', 'e1', 2337230825779695414339229170754252655, 1, '2026-02-02 02:40:00', 40, 40000, 36000, 20, 13, 8);

INSERT INTO gap_history (`seq`, `commit_id`, `id`, `updated`, `class`, `edge`, `stream`, `from`, `to`, `lost_lines`, `lost_low`, `lost_expected`, `lost_high`, `lost_exact`, `method`, `customers`, `shares`, `state`, `first_seen`, `recoverable_until`, `task`, `reason`, `evidence`) VALUES (1, 2260344116621853537, 'g1', '2026-02-02 02:40:00.000000', 'missing', 'e1', 'access', '2026-02-02 02:41:00', '2026-02-02 02:43:00', NULL, 1, 2, 3, NULL, 'neighbours', ['c1'], [0.5], 'accepted', '2026-02-02 02:40:00.000000', NULL, '', 'anna: lost', []);

INSERT INTO gap_money (`gap`, `updated`, `minutes`, `basis`, `low`, `expected`, `high`, `currency`, `body`, `rated_at`) VALUES ('g1', '2026-02-02 02:40:00.000000', 2, 'b', '1', '2', '3', 'RUB', '{}', '2026-02-02 02:40:00.000000');

INSERT INTO incident_changes (`seq`, `commit_id`, `event_seq`, `at`, `incident`, `kind`, `scope_kind`, `scope_id`, `harm`, `priority`, `status`, `change`, `audience`, `level`, `draft`, `flaps`, `notice`, `actor`, `parent`, `reason`, `body`, `key`) VALUES (1, 3862892751120741288, 2, '2026-11-22 12:00:00.000000', 'i1', 'outage', 'customer', 'c1', 'confirmed', 'company_wide', 'open', 'opened', '', 0, false, 0, '', 'engine', '', 'probes fail', '{"at":"T","n":1}', '\xc1\r\xcd\xc7!~\xbeD\xb7Ƿ\xb4\xc9');

INSERT INTO incident_deliveries (`seq`, `commit_id`, `at`, `notice`, `incident`, `recipient`, `channel`, `attempt`, `ok`, `error`, `reason`, `key`) VALUES (1, 9524389469735118447, '2026-02-02 02:40:00.000000', 'n1', 'i1', 'anna', 'mail', 1, true, '', '', 'k');

INSERT INTO incident_events (`seq`, `commit_id`, `taken_at`, `at`, `type`, `body`, `actor`, `key`) VALUES (1, 13306749827538479565, '2026-02-02 02:40:00.000000', '2026-11-22 12:00:00.000000', 'probe', '{"at": "2026-11-22T12:00:00Z", "type": "probe", "customer": "c1", "vantage": "v1", "ok": false}', 'prober', 'Iv\x8c\xb0\xfb,\xf5\xa6q"\xd9\xec\xa9|');

INSERT INTO ledger (`segment_id`, `seq`, `write_id`, `commit_id`, `edge`, `stream`, `minute`, `part`, `state`, `preferred`, `verified`, `lines`, `parsed`, `malformed`, `duplicates`, `flagged`, `bytes_sent`, `content_bytes`, `digest`, `sha256`, `sequence_unit`, `sequence_epoch`, `sequence_first`, `sequence_next`, `skip_first`, `skip_next`, `malformed_offset`, `malformed_reason`, `format`, `known`, `path`, `fingerprint`, `reason`, `committed_at`) VALUES (2337230825779695414339229170754252655, 2, 2, 7501531626439900815, 'e1', 'access', '2026-02-02 02:40:00', '1', 'received', false, false, 2, 10, 0, 0, 0, 1000, 2000, '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0', '', 'line', '1', 5, 15, [5], [6], [], [], 'edge-tsv', ['body_bytes','bytes_sent','errors_4xx','errors_5xx','hits','requests'], '/spool/e1/access/20260202T0240Z.1.log', 'f2', '', '2026-11-20 12:00:00.000'), (2337230825779695414339229170754252655, 1, 1, 718152876390686031, 'e1', 'access', '2026-02-02 02:40:00', '1', 'received', false, false, 1, 10, 0, 0, 0, 1000, 2000, '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0', '', 'line', '1', 5, 15, [5], [6], [], [], 'edge-tsv', ['body_bytes','bytes_sent','errors_4xx','errors_5xx','hits','requests'], '/spool/e1/access/20260202T0240Z.1.log', 'f1', '', '2026-11-20 12:00:00.000');

INSERT INTO pinned_writes (`write_id`, `pinned_by`, `pinned_at`) VALUES (2, 'close 2026-02', '2026-02-02 02:40:00.000'), (1, '2026-10', '2026-02-02 02:40:00.000');

INSERT INTO writes (`write_id`, `segment_id`, `rows`, `begun_at`) VALUES (1, 2337230825779695414339229170754252655, 1, '2026-11-23 06:12:40.900'), (2, 2337230825779695414339229170754252655, 1, '2026-11-23 06:12:41.050');
