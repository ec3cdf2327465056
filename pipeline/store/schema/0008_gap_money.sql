-- What each gap costs, as it was last rated: of a gap the row rated last counts. `updated`, `minutes`: the state of the gap that
-- was rated; `basis`: a digest of the contracts and plans it was rated under. low, expected, high, currency: empty where nobody
-- whom it hit is rated, or currencies differ; `body`: all of it, by customer and month, JSON.
CREATE TABLE IF NOT EXISTS gap_money
(
    gap      String CODEC(ZSTD(1)),
    updated  DateTime64(6, 'UTC'),
    minutes  UInt32,
    basis    LowCardinality(String),
    low      LowCardinality(String),
    expected LowCardinality(String),
    high     LowCardinality(String),
    currency LowCardinality(String),
    body     String CODEC(ZSTD(3)),
    rated_at DateTime64(6, 'UTC')
)
ENGINE = ReplacingMergeTree(rated_at)
ORDER BY gap
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

DROP VIEW IF EXISTS gaps;

CREATE VIEW IF NOT EXISTS gaps AS
SELECT
    id, toString(class) AS class, edge, stream, `from`, `to`,
    toUInt32(intDiv(dateDiff('second', `from`, `to`), 60)) AS minutes,
    lost_lines,
    CAST(tuple(lost_low, lost_expected, lost_high, lost_exact),
        'Tuple(low UInt64, expected UInt64, high UInt64, exact Nullable(UInt64))') AS lost_bytes,
    method,
    CAST(arrayZip(customers, shares), 'Array(Tuple(id String, share Float64))') AS customers,
    CAST(tuple(nullIf(low, ''), nullIf(expected, ''), nullIf(high, ''), nullIf(currency, '')),
        'Tuple(low Nullable(String), expected Nullable(String), high Nullable(String), currency Nullable(String))') AS money,
    state, first_seen, recoverable_until, task
FROM
(
    SELECT * FROM gap_history ORDER BY id, seq DESC LIMIT 1 BY id
) AS latest
LEFT JOIN
(
    SELECT gap, toString(low) AS low, toString(expected) AS expected, toString(high) AS high, toString(currency) AS currency
    FROM gap_money ORDER BY gap, rated_at DESC LIMIT 1 BY gap
) AS rated ON latest.id = rated.gap
ORDER BY `from`, id;
