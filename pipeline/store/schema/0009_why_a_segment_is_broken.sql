-- The view `segments` tells why a segment is damaged, quarantined or has a sidecar that cannot be used: `reason`, the last
-- column; of a winner that an operator named it is his. Else as in 0002.
DROP VIEW IF EXISTS segments;

CREATE VIEW IF NOT EXISTS segments AS
SELECT
    edge, stream, minute, part, state, lines, malformed, duplicates, flagged, bytes_sent,
    lower(hex(sha256)) AS sha256, committed_at, reason
FROM ledger
ORDER BY segment_id, full_rank DESC, seq DESC
LIMIT 1 BY segment_id;
