"""A database with some of Prefect's tables, for SQLite and Postgres."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

TABLES = """
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL);
INSERT INTO alembic_version VALUES ('a3b9c7d2e5f1');
CREATE TABLE flow_run (
    id VARCHAR(36) PRIMARY KEY, name VARCHAR NOT NULL, state_type VARCHAR(9),
    expected_start_time TIMESTAMP, auto_scheduled BOOLEAN DEFAULT FALSE NOT NULL);
CREATE TABLE flow_run_state (
    id VARCHAR(36) PRIMARY KEY,
    flow_run_id VARCHAR(36) NOT NULL REFERENCES flow_run (id) ON DELETE CASCADE);
CREATE TABLE concurrency_limit (
    id VARCHAR(36) PRIMARY KEY, tag VARCHAR, active_slots JSON NOT NULL);
CREATE TABLE concurrency_limit_v2 (
    id VARCHAR(36) PRIMARY KEY, name VARCHAR, "limit" INTEGER, active_slots INTEGER);
CREATE TABLE deployment_schedule (id VARCHAR(36) PRIMARY KEY, active BOOLEAN NOT NULL);
CREATE TABLE variable (id VARCHAR(36) PRIMARY KEY, name VARCHAR, value JSON);
INSERT INTO flow_run VALUES ('1', 'ended', 'COMPLETED', '2020-01-01 00:00:00.000000', TRUE);
INSERT INTO flow_run VALUES ('2', 'late', 'SCHEDULED', '2020-01-01 00:00:00.000000', TRUE);
INSERT INTO flow_run VALUES ('3', 'asked for', 'SCHEDULED', '2020-01-01 00:00:00.000000', FALSE);
INSERT INTO flow_run VALUES ('4', 'to come', 'SCHEDULED', '2120-01-01 00:00:00.000000', TRUE);
INSERT INTO flow_run_state VALUES ('11', '1'), ('12', '2'), ('13', '3'), ('14', '4');
INSERT INTO concurrency_limit VALUES ('1', 'tag', '["2"]');
INSERT INTO concurrency_limit_v2 VALUES ('1', 'ollama', 2, 2);
INSERT INTO deployment_schedule VALUES ('1', FALSE), ('2', TRUE);
INSERT INTO variable VALUES ('1', 'kept', '"value"');
"""


def make(path: Path, *, wal: bool = True) -> sqlite3.Connection:
    """Make the database as Prefect's server leaves it, in WAL mode: the last writes are in the log
    as long as the connection is open."""
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path)
    if wal:
        db.execute("PRAGMA journal_mode=WAL")
    db.executescript(TABLES)
    return db


def rows(path: Path, table: str) -> list[tuple[object, ...]]:
    """All rows of a table, in order."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        return sorted(db.execute(f'SELECT * FROM "{table}"').fetchall(), key=repr)
