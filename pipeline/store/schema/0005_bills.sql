-- Issued bills, credit notes, and the steps of rebills: one log, because an approval and the two documents that it brings
-- must be there together or not at all, which is one INSERT into one table. Append-only.
-- `number`: of a document, without holes; 0 of a step. `of`: the bill that it takes back, replaces or is about. `body`: the
-- document as it was issued, canonical JSON; `digest`: its SHA-256; `chain`: SHA-256 over the chain before and this entry.
CREATE TABLE IF NOT EXISTS bill_log
(
    seq          UInt64,
    commit_id    UInt64,
    kind         Enum8('bill' = 1, 'credit_note' = 2, 'proposed' = 3, 'approved' = 4, 'rejected' = 5, 'withdrawn' = 6),
    number       UInt64,
    of           UInt64,
    rebill       String,
    customer     String,
    `from`       DateTime64(6, 'UTC'),
    `to`         DateTime64(6, 'UTC'),
    tz           LowCardinality(String),
    plan         LowCardinality(String),
    plan_version UInt32,
    currency     LowCardinality(String),
    net          Decimal(38, 9),
    tax          Decimal(38, 9),
    total        Decimal(38, 9),
    at           DateTime64(6, 'UTC'),
    actor        LowCardinality(String),
    reason       String,
    body         String CODEC(ZSTD(3)),
    digest       String,
    chain        String
)
ENGINE = MergeTree
ORDER BY (customer, seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, non_replicated_deduplication_window = 10000;

-- Documents as they were issued; `credited`: the credit note that took a bill back, 0 for one that stands. The sum of
-- `total` over all rows is what is owed, over whatever customers and times it is taken.
CREATE VIEW IF NOT EXISTS bills AS
SELECT
    number, toString(kind) AS kind, customer, `from`, `to`, tz, plan, plan_version, currency, net, tax, total,
    of, credit.credited AS credited, rebill, at, actor, reason, digest, body
FROM bill_log AS log
LEFT JOIN
(
    SELECT of AS bill, max(number) AS credited FROM bill_log WHERE kind = 'credit_note' GROUP BY of
) AS credit ON log.number = credit.bill
WHERE log.kind IN ('bill', 'credit_note')
ORDER BY number;

-- Who proposed and decided what, when and why.
CREATE VIEW IF NOT EXISTS rebills AS
SELECT seq, rebill, toString(kind) AS step, customer, of, at, actor, reason, net, tax, total, currency
FROM bill_log
WHERE rebill != ''
ORDER BY seq;
