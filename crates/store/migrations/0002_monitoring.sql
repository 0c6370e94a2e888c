-- The inference log: a row a Parquet file in `predictions/`.
CREATE TABLE segments (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    project TEXT NOT NULL,
    environment TEXT NOT NULL,
    digest TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE INDEX segments_of ON segments (project, environment, number);

-- Every label that came; of several for one prediction the last counts.
CREATE TABLE labels (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    project TEXT NOT NULL,
    environment TEXT NOT NULL,
    prediction TEXT NOT NULL,
    label TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX labels_of ON labels (project, environment, prediction, number);

CREATE TABLE figures (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    project TEXT NOT NULL,
    environment TEXT NOT NULL,
    name TEXT NOT NULL,
    value REAL NOT NULL,
    prediction TEXT,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX figures_of ON figures (project, environment, at);

-- What the monitor of an environment remembers.
CREATE TABLE monitors (
    project TEXT NOT NULL,
    environment TEXT NOT NULL,
    revision INTEGER NOT NULL,
    memory TEXT NOT NULL,
    PRIMARY KEY (project, environment)
) STRICT;

CREATE TABLE windows (
    project TEXT NOT NULL,
    environment TEXT NOT NULL,
    start INTEGER NOT NULL,
    number INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (project, environment, start, number)
) STRICT;

CREATE TABLE alerts (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    environment TEXT NOT NULL,
    rule TEXT NOT NULL,
    subject TEXT NOT NULL,
    is_open INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE INDEX alerts_of ON alerts (project, is_open);
CREATE UNIQUE INDEX alerts_once ON alerts (project, environment, rule, subject) WHERE is_open;

CREATE TABLE deliveries (
    alert TEXT NOT NULL REFERENCES alerts (id),
    sink TEXT NOT NULL,
    what TEXT NOT NULL,
    is_done INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (alert, sink, what)
) STRICT;

CREATE TABLE causes (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    trigger TEXT NOT NULL,
    key TEXT NOT NULL,
    revision INTEGER NOT NULL,
    document TEXT NOT NULL,
    UNIQUE (project, trigger, key)
) STRICT;

CREATE TRIGGER labels_stay BEFORE DELETE ON labels
BEGIN SELECT RAISE(ABORT, 'labels are never deleted'); END;
CREATE TRIGGER causes_stay BEFORE DELETE ON causes
BEGIN SELECT RAISE(ABORT, 'causes are never deleted'); END;
CREATE TRIGGER alerts_stay BEFORE DELETE ON alerts
BEGIN SELECT RAISE(ABORT, 'alerts are never deleted'); END;
