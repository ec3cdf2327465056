-- The ledger's rank compares to the last bit: 0001 kept 36 bits of lines, 41 of content_bytes and 48 of the digest, and
-- left contents that agree in all of these to the order of their arrival.

-- pipeline.model.LedgerEntry.rank as one number that compares alike: 3 bits preferred, verified, undamaged, 60 of
-- lines, 60 of content_bytes (more than that are equal), the digest's 128 and 5 of its length. The digest is filled
-- up with zeros and its length comes last, so a short one, or none, is below every one that it begins. Overrides are
-- all of one rank. A new column, because MODIFY COLUMN would cast the old numbers; a part that lacks it has it computed.
ALTER TABLE ledger ADD COLUMN IF NOT EXISTS
    full_rank UInt256 MATERIALIZED if(preferred, bitShiftLeft(toUInt256(7), 253),
                  bitShiftLeft(toUInt256(2 * verified + (state IN ('received', 'empty'))), 253)
                  + bitShiftLeft(toUInt256(least(lines, 1152921504606846975)), 193)
                  + bitShiftLeft(toUInt256(least(content_bytes, 1152921504606846975)), 133)
                  + bitShiftLeft(toUInt256(reinterpretAsUInt128(reverse(rightPad(digest, 16, '\0')))), 5)
                  + least(length(digest), 16)) CODEC(NONE) AFTER committed_at;

-- The views as in 0001, with full_rank for rank; not by CREATE OR REPLACE,
-- which on a server takes the right to drop tables.
DROP VIEW IF EXISTS usage;

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
    WHERE write_id IN (SELECT write_id FROM ledger ORDER BY segment_id, full_rank DESC, seq DESC LIMIT 1 BY segment_id)
) AS f
ASOF LEFT JOIN
(
    SELECT edge, zone, `from`, `to` FROM edges WHERE generation = (SELECT max(generation) FROM edges)
) AS e ON f.edge = e.edge AND f.minute >= e.`from`;

DROP VIEW IF EXISTS segments;

CREATE VIEW IF NOT EXISTS segments AS
SELECT
    edge, stream, minute, part, state, lines, malformed, duplicates, flagged, bytes_sent,
    lower(hex(sha256)) AS sha256, committed_at
FROM ledger
ORDER BY segment_id, full_rank DESC, seq DESC
LIMIT 1 BY segment_id;

-- Reads are right before these two have run, and faster after them. The second waits for both.
ALTER TABLE ledger MATERIALIZE COLUMN full_rank;

ALTER TABLE ledger DROP COLUMN IF EXISTS rank;
