/** The database's migrations: numbered by their place, append-only. */
export const MIGRATIONS = [
  `
  CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed', 'cancelled', 'interrupted')),
    started_at TEXT NOT NULL,
    finished_at TEXT,
    input TEXT NOT NULL CHECK (json_valid(input)),
    result TEXT CHECK (json_valid(result)),
    error TEXT CHECK (json_valid(error)),
    hashes TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(hashes)),
    versions TEXT NOT NULL CHECK (json_valid(versions)),
    -- Process that does the work: when it is gone, a run that still says 'running' was interrupted.
    pid INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX runs_by_start ON runs (started_at DESC, id DESC);

  -- What reading a model file told, kept until the file changes: hashing many gigabytes takes long.
  CREATE TABLE files (
    path TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL,
    modified_ms REAL NOT NULL,
    facts TEXT NOT NULL CHECK (json_valid(facts))
  ) STRICT;
  `,
  `
  -- Finished points of an experiment, stored as they come: what an interrupted run is resumed from.
  CREATE TABLE points (
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    point TEXT NOT NULL,
    result TEXT NOT NULL CHECK (json_valid(result)),
    seconds REAL NOT NULL,
    finished_at TEXT NOT NULL,
    PRIMARY KEY (run, point)
  ) STRICT, WITHOUT ROWID;

  -- How scores answer to α: the newest calibration of each model with its vectors, settings, inventory and administration.
  CREATE TABLE calibrations (
    key TEXT PRIMARY KEY,
    run TEXT NOT NULL,
    model TEXT NOT NULL,
    inventory TEXT NOT NULL,
    made_at TEXT NOT NULL,
    calibration TEXT NOT NULL CHECK (json_valid(calibration))
  ) STRICT;
  `,
  `
  -- Of a run that came in a study bundle: which, when, its id there, and the files it was made with.
  ALTER TABLE runs ADD COLUMN imported TEXT CHECK (json_valid(imported));
  `,
];
