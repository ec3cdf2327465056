-- The incident engine's log: what it was told, what it decided, who was told, and where it stood; and who may write it.
-- Append-only. State is a function of `incident_events` alone: the rest can be computed again, and is, after a crash.

-- What the engine was told, in the order in which it was taken up: lines of evidence as INTERFACES has them. Rows of one
-- `taken_at` are one instant to it. `key`: the same for the same line, which counts once.
CREATE TABLE IF NOT EXISTS incident_events
(
    seq       UInt64 CODEC(Delta, ZSTD(1)),
    commit_id UInt64 CODEC(ZSTD(1)),
    taken_at  DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    at        DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    type      LowCardinality(String),
    body      String CODEC(ZSTD(1)),
    actor     LowCardinality(String),
    key       FixedString(16)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(taken_at)
ORDER BY seq
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;

-- Every transition and notice. `event_seq`: the last event that it knew. `body`: the whole of it, canonical JSON; `key`: the
-- digest of that, so that what is computed again after a crash is written once.
CREATE TABLE IF NOT EXISTS incident_changes
(
    seq        UInt64 CODEC(Delta, ZSTD(1)),
    commit_id  UInt64 CODEC(ZSTD(1)),
    event_seq  UInt64 CODEC(Delta, ZSTD(1)),
    at         DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    incident   String CODEC(ZSTD(1)),
    kind       LowCardinality(String),
    scope_kind LowCardinality(String),
    scope_id   String CODEC(ZSTD(1)),
    harm       LowCardinality(String),
    priority   LowCardinality(String),
    status     LowCardinality(String),
    change     LowCardinality(String),
    audience   LowCardinality(String),
    level      UInt16,
    draft      Bool,
    flaps      UInt32,
    notice     String CODEC(ZSTD(1)),
    actor      LowCardinality(String),
    parent     String CODEC(ZSTD(1)),
    reason     String CODEC(ZSTD(1)),
    body       String CODEC(ZSTD(3)),
    key        FixedString(16)
)
ENGINE = MergeTree
ORDER BY (incident, seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;

-- Every try to hand a notice to somebody. `key`: what the other side tells repeats by.
CREATE TABLE IF NOT EXISTS incident_deliveries
(
    seq       UInt64 CODEC(Delta, ZSTD(1)),
    commit_id UInt64 CODEC(ZSTD(1)),
    at        DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    notice    String CODEC(ZSTD(1)),
    incident  String CODEC(ZSTD(1)),
    recipient LowCardinality(String),
    channel   LowCardinality(String),
    attempt   UInt32,
    ok        Bool,
    error     String CODEC(ZSTD(1)),
    reason    String CODEC(ZSTD(1)),
    key       String CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (notice, seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;

-- What people did about an incident or a task beside what the engine is told (takes it, a due date, closes it, hands a role
-- over). `key` makes a repeat of the same act nothing new.
CREATE TABLE IF NOT EXISTS incident_acts
(
    seq       UInt64 CODEC(Delta, ZSTD(1)),
    commit_id UInt64 CODEC(ZSTD(1)),
    at        DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    incident  String CODEC(ZSTD(1)),
    act       LowCardinality(String),
    actor     LowCardinality(String),
    reason    String CODEC(ZSTD(1)),
    body      String CODEC(ZSTD(1)),
    key       String CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (incident, seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;

-- The engine's state after `event_seq`, so that a start need not read the whole log. Only a saving: any may be missing.
CREATE TABLE IF NOT EXISTS incident_snapshots
(
    seq        UInt64,
    commit_id  UInt64,
    event_seq  UInt64,
    at         DateTime64(6, 'UTC'),
    state      String CODEC(ZSTD(1)),
    written_at DateTime('UTC') DEFAULT now()
)
ENGINE = MergeTree
ORDER BY seq
TTL written_at + INTERVAL 3 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;

-- Who may do what only one may do at a time, by the wall clock; of each name the last row counts. `ends_at` in the past: nobody.
CREATE TABLE IF NOT EXISTS leases
(
    seq       UInt64 CODEC(Delta, ZSTD(1)),
    commit_id UInt64 CODEC(ZSTD(1)),
    name      LowCardinality(String),
    holder    LowCardinality(String),
    host      LowCardinality(String),
    pid       UInt32,
    begun_at  DateTime64(6, 'UTC'),
    ends_at   DateTime64(6, 'UTC')
)
ENGINE = MergeTree
ORDER BY (name, seq)
TTL toDateTime(ends_at, 'UTC') + INTERVAL 30 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;

-- Every incident as it stands now. `since`: its first row; `raised_at`: when it last became more urgent.
CREATE VIEW IF NOT EXISTS incidents AS
SELECT
    incident,
    argMax(kind, seq) AS kind,
    argMax(scope_kind, seq) AS scope_kind,
    argMax(scope_id, seq) AS scope_id,
    argMax(harm, seq) AS harm,
    argMax(priority, seq) AS priority,
    argMax(status, seq) AS status,
    min(incident_changes.at) AS since,
    max(incident_changes.at) AS updated,
    argMaxIf(reason, seq, change NOT IN ('notice', 'acknowledged')) AS reason,
    argMaxIf(actor, seq, change NOT IN ('notice', 'acknowledged')) AS actor,
    argMax(parent, seq) AS parent,
    argMax(flaps, seq) AS flaps,
    toUInt32(countIf(change = 'notice')) AS notices
FROM incident_changes
GROUP BY incident
ORDER BY since, incident;
