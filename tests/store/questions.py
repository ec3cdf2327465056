"""What a user who may only read must not be able to ask, at the door or over a server; for the store's tests."""

from __future__ import annotations

import tempfile
from pathlib import Path

NEVER_WRITTEN = Path(tempfile.gettempdir()) / "prebill-should-not-be"

FORBIDDEN = [
    "INSERT INTO edges VALUES (1, 'e', 'z', 0, 0)",
    "CREATE TABLE x (a UInt8) ENGINE = Memory",
    "CREATE TEMPORARY TABLE x (a UInt8)",
    "DROP TABLE facts",
    "ALTER TABLE facts DELETE WHERE 1",
    "TRUNCATE TABLE facts",
    "OPTIMIZE TABLE facts",
    "SYSTEM STOP MERGES",
    "KILL QUERY WHERE 1",
    "SET readonly = 0",
    "USE system",
    "SELECT 1; DROP TABLE facts",
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT 1 SETTINGS max_memory_usage = 0",
    f"SELECT 1 INTO OUTFILE '{NEVER_WRITTEN}'",
    "SELECT file('/etc/passwd')",
    "SELECT `file`('/etc/passwd')",
    "SELECT \"file\" /* x */ ('/etc/passwd')",
    "SELECT FILE('/etc/passwd')",
    "SELECT * FROM file('/etc/passwd', LineAsString)",
    "SELECT * FROM url('http://127.0.0.1:1/', LineAsString)",
    "SELECT * FROM s3('http://127.0.0.1:1/a/b', 'CSV')",
    "SELECT * FROM remote('127.0.0.1', system.one)",
    "SELECT * FROM executable('/bin/ls', TSV, 'a String')",
    "SELECT * FROM python(x)",
    "SELECT * FROM merge('system', '.*')",
    "DESCRIBE file('/etc/passwd')",
    "DESCRIBE TABLE url('http://127.0.0.1:1/a.csv')",
    "EXPLAIN SELECT * FROM file('/etc/passwd', LineAsString)",
    "SELECT * APPLY(file) FROM (SELECT '/etc/passwd' AS a)",
    "SELECT COLUMNS('a') APPLY `file` FROM (SELECT '/etc/passwd' AS a)",
    "SELECT arrayMap(file, ['/etc/passwd'])",
    "SELECT arrayMap({f:Identifier}, ['/etc/passwd'])",
    "SELECT sleep(3)",
    "WITH x AS (SELECT * FROM file('/etc/passwd', LineAsString)) SELECT * FROM x",
    "SELECT (SELECT any(c1) FROM file('/etc/passwd', CSV))",
    f"BACKUP TABLE facts TO File('{NEVER_WRITTEN}')",
    f"INSERT INTO FUNCTION file('{NEVER_WRITTEN}', CSV, 'a UInt8') SELECT 1",
    "ATTACH TABLE q FROM '/tmp' (a UInt8) ENGINE = File(CSV)",
]
