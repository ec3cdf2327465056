-- A user of a ClickHouse server that may do what prebill needs in its database and nothing else. Run once as an
-- administrator, with a password of your own; the store is tested as a user with these grants.
CREATE DATABASE IF NOT EXISTS prebill;
CREATE USER IF NOT EXISTS prebill_writer IDENTIFIED BY 'change-me';
-- ALTER deletes the facts of losing attempts and, with DROP VIEW, brings an older schema up to date
GRANT SELECT, INSERT, CREATE TABLE, CREATE VIEW, DROP VIEW, ALTER ON prebill.* TO prebill_writer;
GRANT TABLE ENGINE ON MergeTree TO prebill_writer;
GRANT TABLE ENGINE ON ReplacingMergeTree TO prebill_writer;
-- what `prebill status` shows of the disk; ClickHouse shows a user only the parts of tables that it may see
GRANT SELECT ON system.parts TO prebill_writer;
-- where broken parts of tables are looked for, so that nothing is billed short
GRANT SELECT ON system.detached_parts TO prebill_writer;
