-- What coverage is made of beside the ledger (evidence, counters, beats), what it found (coverage, gaps), and closes.

-- Events from outside, as INTERFACES names them; append-only. The same line has the same key and counts once: readers take
-- the first of each key.
CREATE TABLE IF NOT EXISTS evidence
(
    at       DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    type     LowCardinality(String),
    edge     LowCardinality(String),
    stream   LowCardinality(String),
    body     String CODEC(ZSTD(1)),
    added_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    actor    LowCardinality(String),
    key      FixedString(16)
)
ENGINE = MergeTree
ORDER BY (type, at, key)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Readings of the edges' own cumulative counters; of two of one instant the one added last counts.
CREATE TABLE IF NOT EXISTS counters
(
    edge             LowCardinality(String),
    at               DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    requests_total   UInt64 CODEC(Delta, ZSTD(1)),
    bytes_sent_total UInt64 CODEC(Delta, ZSTD(1)),
    added_at         DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (edge, at, added_at)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Instants at which a running prebill looked for segments: where there is none, we were blind.
CREATE TABLE IF NOT EXISTS beats
(
    at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
ORDER BY at
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- The state of a day's minutes of each (edge, stream), as runs: `firsts` and `afters` count minutes of that day. Of each the
-- version that was checked last counts. A day at a time, so that the check of every minute writes one row a stream.
CREATE TABLE IF NOT EXISTS coverage_days
(
    day        Date,
    edge       LowCardinality(String),
    stream     LowCardinality(String),
    firsts     Array(UInt16) CODEC(ZSTD(1)),
    afters     Array(UInt16) CODEC(ZSTD(1)),
    states     Array(Enum8('none' = 0, 'received' = 1, 'empty' = 2, 'late' = 3, 'missing' = 4, 'damaged' = 5, 'partial' = 6,
                   'paused' = 7, 'unexpected' = 8, 'decommissioned' = 9, 'unknown' = 10)) CODEC(ZSTD(1)),
    checked_at DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(checked_at)
PARTITION BY toYYYYMM(day)
ORDER BY (day, edge, stream)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Every state that a gap was ever in, in the order of seq; append-only.
CREATE TABLE IF NOT EXISTS gap_history
(
    seq               UInt64 CODEC(Delta, ZSTD(1)),
    commit_id         UInt64 CODEC(ZSTD(1)),
    id                String CODEC(ZSTD(1)),
    updated           DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    class             Enum8('missing' = 1, 'damaged' = 2, 'sequence' = 3, 'counter' = 4),
    edge              LowCardinality(String),
    stream            LowCardinality(String),
    `from`            DateTime('UTC') CODEC(Delta, ZSTD(1)),
    `to`              DateTime('UTC') CODEC(Delta, ZSTD(1)),
    lost_lines        Nullable(UInt64),
    lost_low          UInt64,
    lost_expected     UInt64,
    lost_high         UInt64,
    lost_exact        Nullable(UInt64),
    method            LowCardinality(String),
    customers         Array(String) CODEC(ZSTD(1)),
    shares            Array(Float64) CODEC(ZSTD(1)),
    state             LowCardinality(String),
    first_seen        DateTime64(6, 'UTC'),
    recoverable_until Nullable(DateTime64(6, 'UTC')),
    task              String,
    reason            String,
    evidence          Array(String) CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (id, seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;

-- Closed periods: one row a customer and contract, written after its usage; append-only. `body`: what the close says beside.
CREATE TABLE IF NOT EXISTS closes
(
    seq       UInt64,
    commit_id UInt64,
    close_id  UInt64,
    period    LowCardinality(String),
    tz        LowCardinality(String),
    customer  String,
    `from`    DateTime('UTC'),
    `to`      DateTime('UTC'),
    cut       UInt64,
    digest    String,
    rows      UInt64,
    closed_at DateTime64(6, 'UTC'),
    actor     LowCardinality(String),
    reason    String,
    body      String CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (period, customer, seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;

-- What a close counted. Counts only where `closes` names its close_id: what a close left that died is seen by nobody.
CREATE TABLE IF NOT EXISTS closed_usage
(
    close_id   UInt64,
    period     LowCardinality(String),
    customer   LowCardinality(String),
    resource   LowCardinality(String),
    minute     DateTime('UTC') CODEC(Delta, ZSTD(1)),
    edge       LowCardinality(String),
    zone       LowCardinality(String),
    requests   UInt64 CODEC(T64, ZSTD(1)),
    bytes_sent UInt64 CODEC(T64, ZSTD(1)),
    body_bytes UInt64 CODEC(T64, ZSTD(1)),
    hits       UInt64 CODEC(T64, ZSTD(1)),
    errors_4xx UInt64 CODEC(T64, ZSTD(1)),
    errors_5xx UInt64 CODEC(T64, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY period
ORDER BY (customer, close_id, resource, minute, edge)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- The latest state of every (edge, stream, minute), as runs; days that touch become one run again.
CREATE VIEW IF NOT EXISTS coverage AS
SELECT edge, stream, min(begins) AS `from`, max(ends) AS `to`, state
FROM
(
    SELECT edge, stream, begins, ends, state,
        sum(is_new) OVER (PARTITION BY edge, stream ORDER BY begins) AS run
    FROM
    (
        SELECT edge, stream, begins, ends, state,
            lagInFrame(ends) OVER before != begins OR lagInFrame(state) OVER before != state AS is_new
        FROM
        (
            SELECT edge, stream,
                toDateTime(day, 'UTC') + toIntervalMinute(f) AS begins,
                toDateTime(day, 'UTC') + toIntervalMinute(a) AS ends,
                toString(s) AS state
            FROM coverage_days FINAL
            ARRAY JOIN firsts AS f, afters AS a, states AS s
        )
        WINDOW before AS (PARTITION BY edge, stream ORDER BY begins ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
    )
)
GROUP BY edge, stream, state, run
ORDER BY edge, stream, `from`;

-- The latest state of every gap, with the fields of `prebill gaps --json`; money is not at stake in the store yet.
CREATE VIEW IF NOT EXISTS gaps AS
SELECT
    id, toString(class) AS class, edge, stream, `from`, `to`,
    toUInt32(intDiv(dateDiff('second', `from`, `to`), 60)) AS minutes,
    lost_lines,
    CAST(tuple(lost_low, lost_expected, lost_high, lost_exact),
        'Tuple(low UInt64, expected UInt64, high UInt64, exact Nullable(UInt64))') AS lost_bytes,
    method,
    CAST(arrayZip(customers, shares), 'Array(Tuple(id String, share Float64))') AS customers,
    CAST(tuple(NULL, NULL, NULL, NULL),
        'Tuple(low Nullable(String), expected Nullable(String), high Nullable(String), currency Nullable(String))') AS money,
    state, first_seen, recoverable_until, task
FROM
(
    SELECT * FROM gap_history ORDER BY id, seq DESC LIMIT 1 BY id
)
ORDER BY `from`, id;

-- The names of streams, and since when each is there, without reading a row a segment for them.
ALTER TABLE ledger ADD PROJECTION IF NOT EXISTS streams
    (SELECT edge, stream, min(minute), max(minute), count() GROUP BY edge, stream);

ALTER TABLE ledger MATERIALIZE PROJECTION streams SETTINGS mutations_sync = 1;
