-- Documents are JSON text as `modelyard-core` defines them; beside each stand the columns that are
-- looked up. Digests are 64 hexadecimal digits, instants microseconds since 1970-01-01T00:00:00Z.

CREATE TABLE results (
    key TEXT PRIMARY KEY,
    document TEXT NOT NULL
) STRICT;

-- One row a path: only its newest state is worth knowing. `inode` is the unsigned number's bits.
CREATE TABLE stamps (
    path TEXT PRIMARY KEY,
    size_bytes INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    changed_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    digest TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE data_versions (
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    number INTEGER NOT NULL,
    digest TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (project, name, number),
    UNIQUE (project, name, digest)
) STRICT;

CREATE TABLE test_uses (
    split TEXT NOT NULL,
    package TEXT NOT NULL,
    PRIMARY KEY (split, package)
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    kind TEXT NOT NULL,
    parent TEXT,
    started_at INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;

CREATE INDEX runs_by_time ON runs (started_at, id);
CREATE INDEX runs_of_project ON runs (project, kind, started_at, id);
CREATE INDEX runs_of_parent ON runs (parent, started_at, id);

-- The audit log, and its head apart from it, so that a cut-off tail is noticed.
CREATE TABLE audit_log (
    number INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    document TEXT NOT NULL,
    subject TEXT GENERATED ALWAYS AS (document ->> 'subject'),
    event TEXT GENERATED ALWAYS AS (document ->> 'event')
) STRICT;

CREATE INDEX audit_of_subject ON audit_log (subject, number);

CREATE TABLE audit_head (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    number INTEGER NOT NULL,
    digest TEXT NOT NULL
) STRICT;

-- Every audited row carries number and digest of the last entry about it.
CREATE TABLE models (
    name TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL,
    audit_number INTEGER NOT NULL,
    audit_digest TEXT NOT NULL
) STRICT;

CREATE TABLE model_versions (
    name TEXT NOT NULL REFERENCES models (name),
    number INTEGER NOT NULL,
    package TEXT NOT NULL,
    document TEXT NOT NULL,
    audit_number INTEGER NOT NULL,
    audit_digest TEXT NOT NULL,
    PRIMARY KEY (name, number),
    UNIQUE (name, package)
) STRICT;

CREATE TABLE model_aliases (
    name TEXT NOT NULL,
    alias TEXT NOT NULL,
    number INTEGER NOT NULL,
    audit_number INTEGER NOT NULL,
    audit_digest TEXT NOT NULL,
    PRIMARY KEY (name, alias),
    FOREIGN KEY (name, number) REFERENCES model_versions (name, number)
) STRICT;

-- Of a project what it applied last; the audit log has what was before.
CREATE TABLE applied (
    project TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    audit_number INTEGER NOT NULL,
    audit_digest TEXT NOT NULL
) STRICT;

CREATE TABLE environments (
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    revision INTEGER NOT NULL,
    document TEXT NOT NULL,
    audit_number INTEGER NOT NULL,
    audit_digest TEXT NOT NULL,
    PRIMARY KEY (project, name)
) STRICT;

-- Every state an environment ever had.
CREATE TABLE states (
    project TEXT NOT NULL,
    environment TEXT NOT NULL,
    generation INTEGER NOT NULL,
    document TEXT NOT NULL,
    audit_number INTEGER NOT NULL,
    audit_digest TEXT NOT NULL,
    PRIMARY KEY (project, environment, generation),
    FOREIGN KEY (project, environment) REFERENCES environments (project, name)
) STRICT;

CREATE TABLE releases (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    environment TEXT NOT NULL,
    document TEXT NOT NULL,
    audit_number INTEGER NOT NULL,
    audit_digest TEXT NOT NULL,
    FOREIGN KEY (project, environment) REFERENCES environments (project, name)
) STRICT;

CREATE INDEX releases_of_environment ON releases (project, environment, id);

-- In the order of their audit entries; all that a person ever said of a version.
CREATE TABLE approvals (
    audit_number INTEGER PRIMARY KEY,
    audit_digest TEXT NOT NULL,
    model TEXT NOT NULL,
    number INTEGER NOT NULL,
    document TEXT NOT NULL,
    FOREIGN KEY (model, number) REFERENCES model_versions (name, number)
) STRICT;

CREATE INDEX approvals_of_version ON approvals (model, number, audit_number);

-- What is observed is nobody's decision, so it is not audited: of each start of a replica the last report,
-- and for ever when each version answered.
CREATE TABLE reports (
    project TEXT NOT NULL,
    environment TEXT NOT NULL,
    replica INTEGER NOT NULL,
    boot TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    at INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (project, environment, replica, boot)
) STRICT;

CREATE TABLE served (
    project TEXT NOT NULL,
    environment TEXT NOT NULL,
    generation INTEGER NOT NULL,
    package TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (project, environment, generation, package)
) STRICT, WITHOUT ROWID;

-- How far application tests have come.
CREATE TABLE tests_under_way (
    project TEXT NOT NULL,
    environment TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (project, environment)
) STRICT;

-- A guard against our own mistakes; against somebody with the file in hand there is the chain.
CREATE TRIGGER audit_log_stays BEFORE DELETE ON audit_log
BEGIN SELECT RAISE(ABORT, 'audit entries are never deleted'); END;
CREATE TRIGGER audit_log_holds BEFORE UPDATE ON audit_log
BEGIN SELECT RAISE(ABORT, 'audit entries are never changed'); END;
-- Replacing on a conflict deletes without a trigger.
CREATE TRIGGER audit_log_grows BEFORE INSERT ON audit_log
WHEN EXISTS (SELECT 1 FROM audit_log WHERE number = NEW.number OR digest = NEW.digest)
BEGIN SELECT RAISE(ABORT, 'audit entries are never replaced'); END;
CREATE TRIGGER audit_head_stays BEFORE DELETE ON audit_head
BEGIN SELECT RAISE(ABORT, 'the head of the audit log is never deleted'); END;
CREATE TRIGGER models_stay BEFORE DELETE ON models
BEGIN SELECT RAISE(ABORT, 'registered models are never deleted'); END;
CREATE TRIGGER model_versions_stay BEFORE DELETE ON model_versions
BEGIN SELECT RAISE(ABORT, 'model versions are never deleted'); END;
CREATE TRIGGER model_versions_hold BEFORE UPDATE OF name, number, package ON model_versions
BEGIN SELECT RAISE(ABORT, 'a model version is never another package'); END;
CREATE TRIGGER model_aliases_stay BEFORE DELETE ON model_aliases
BEGIN SELECT RAISE(ABORT, 'aliases are never deleted'); END;
CREATE TRIGGER applied_stays BEFORE DELETE ON applied
BEGIN SELECT RAISE(ABORT, 'what was applied is never deleted'); END;
CREATE TRIGGER environments_stay BEFORE DELETE ON environments
BEGIN SELECT RAISE(ABORT, 'environments are never deleted'); END;
CREATE TRIGGER environments_count BEFORE UPDATE ON environments WHEN NEW.revision <> OLD.revision + 1
BEGIN SELECT RAISE(ABORT, 'an environment is never changed without its next revision'); END;
CREATE TRIGGER states_stay BEFORE DELETE ON states
BEGIN SELECT RAISE(ABORT, 'states are never deleted'); END;
CREATE TRIGGER states_hold BEFORE UPDATE ON states
BEGIN SELECT RAISE(ABORT, 'states are never changed'); END;
CREATE TRIGGER releases_stay BEFORE DELETE ON releases
BEGIN SELECT RAISE(ABORT, 'releases are never deleted'); END;
CREATE TRIGGER releases_hold BEFORE UPDATE OF id, project, environment ON releases
BEGIN SELECT RAISE(ABORT, 'a release is never another environment''s'); END;
CREATE TRIGGER approvals_stay BEFORE DELETE ON approvals
BEGIN SELECT RAISE(ABORT, 'approvals are never deleted'); END;
CREATE TRIGGER approvals_hold BEFORE UPDATE ON approvals
BEGIN SELECT RAISE(ABORT, 'approvals are never changed'); END;
