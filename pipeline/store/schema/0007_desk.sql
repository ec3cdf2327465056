-- The support desk's log: what happened to every request, letters that were none, paid work, calls. Append-only; what stands
-- where is a function of it. `seq`: without holes. `key`: the same for the same thing, which is there once. `at`: when it is
-- true; `added_at`: when it was written. `body`: the whole event, JSON.
CREATE TABLE IF NOT EXISTS desk_events
(
    seq       UInt64 CODEC(Delta, ZSTD(1)),
    commit_id UInt64 CODEC(ZSTD(1)),
    at        DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    added_at  DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    type      LowCardinality(String),
    request   String CODEC(ZSTD(1)),
    customer  String CODEC(ZSTD(1)),
    actor     LowCardinality(String),
    key       String CODEC(ZSTD(1)),
    body      String CODEC(ZSTD(3))
)
ENGINE = MergeTree
ORDER BY seq
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;
