-- Closing a period: whose a resource was when it was closed, and what counts of what closes wrote.

-- The resources that an attempt to close counts for a customer, in the minutes of his contract; written first, so that a
-- close that died half-way is found, and swept, by them.
CREATE TABLE IF NOT EXISTS closed_resources
(
    attempt   UInt64,
    close_id  UInt64,
    period    LowCardinality(String),
    customer  LowCardinality(String),
    resource  String CODEC(ZSTD(1)),
    `from`    DateTime('UTC') CODEC(ZSTD(1)),
    `to`      DateTime('UTC') CODEC(ZSTD(1)),
    begun_at  DateTime64(3, 'UTC') CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (attempt, close_id, resource)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- Usage as closed periods counted it; it never changes. What a close left that died half-way is not in it.
CREATE VIEW IF NOT EXISTS closed AS
SELECT period, customer, minute, resource, edge, zone, requests, bytes_sent, body_bytes, hits, errors_4xx, errors_5xx
FROM closed_usage
WHERE close_id IN (SELECT close_id FROM closes);
