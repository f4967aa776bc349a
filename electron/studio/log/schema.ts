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
  `
  CREATE TABLE conversations (
    id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    deleted_at TEXT,
    settings TEXT NOT NULL CHECK (json_valid(settings))
  ) STRICT;
  CREATE INDEX conversations_by_update ON conversations (updated_at DESC);

  CREATE TABLE panes (
    id TEXT PRIMARY KEY,
    conversation TEXT NOT NULL REFERENCES conversations ON DELETE CASCADE,
    place INTEGER NOT NULL,
    -- Name, colour, source and persona; what is asked for alone has a column.
    data TEXT NOT NULL CHECK (json_valid(data)),
    head TEXT,
    removed INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX panes_by_conversation ON panes (conversation, place);

  -- The personas that answers were made with, each once, by the hash of its JSON.
  CREATE TABLE message_personas (
    hash TEXT PRIMARY KEY,
    persona TEXT NOT NULL CHECK (json_valid(persona))
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE messages (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    conversation TEXT NOT NULL REFERENCES conversations ON DELETE CASCADE,
    pane TEXT NOT NULL REFERENCES panes ON DELETE CASCADE,
    parent TEXT REFERENCES messages (id) ON DELETE CASCADE,
    turn INTEGER NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
    text TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('streaming', 'done', 'stopped', 'failed', 'interrupted')),
    created_at TEXT NOT NULL,
    persona TEXT REFERENCES message_personas (hash),
    seed INTEGER,
    run TEXT,
    result TEXT CHECK (json_valid(result)),
    error TEXT CHECK (json_valid(error))
  ) STRICT;
  CREATE INDEX messages_by_conversation ON messages (conversation, seq);
  CREATE INDEX messages_by_pane ON messages (pane);
  CREATE INDEX messages_by_parent ON messages (parent);
  CREATE INDEX messages_streaming ON messages (state) WHERE state = 'streaming';

  CREATE TABLE votes (
    conversation TEXT NOT NULL REFERENCES conversations ON DELETE CASCADE,
    turn INTEGER NOT NULL,
    rater TEXT NOT NULL,
    vote TEXT NOT NULL CHECK (json_valid(vote)),
    PRIMARY KEY (conversation, turn, rater)
  ) STRICT, WITHOUT ROWID;

  CREATE VIRTUAL TABLE message_texts USING fts5 (
    text, content = 'messages', content_rowid = 'seq', tokenize = 'unicode61 remove_diacritics 2'
  );
  CREATE TRIGGER messages_indexed AFTER INSERT ON messages BEGIN
    INSERT INTO message_texts (rowid, text) VALUES (new.seq, new.text);
  END;
  CREATE TRIGGER messages_unindexed AFTER DELETE ON messages BEGIN
    INSERT INTO message_texts (message_texts, rowid, text) VALUES ('delete', old.seq, old.text);
  END;
  CREATE TRIGGER messages_reindexed AFTER UPDATE OF text ON messages BEGIN
    INSERT INTO message_texts (message_texts, rowid, text) VALUES ('delete', old.seq, old.text);
    INSERT INTO message_texts (rowid, text) VALUES (new.seq, new.text);
  END;
  `,
  `
  CREATE TABLE personas (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    notes TEXT NOT NULL,
    tags TEXT NOT NULL CHECK (json_valid(tags)),
    -- Number of the version that is used.
    active INTEGER NOT NULL,
    -- A PNG file; an emblem is drawn where there is none.
    picture BLOB,
    -- The character card it came from: what the studio does not use goes out again with it.
    card TEXT CHECK (json_valid(card)),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    deleted_at TEXT
  ) STRICT;

  CREATE TABLE persona_versions (
    persona TEXT NOT NULL REFERENCES personas ON DELETE CASCADE,
    version INTEGER NOT NULL,
    made_at TEXT NOT NULL,
    -- Recipe, system prompt, role-play and sampling; the name is the persona's.
    content TEXT NOT NULL CHECK (json_valid(content)),
    profile TEXT CHECK (json_valid(profile)),
    needs TEXT NOT NULL CHECK (json_valid(needs)),
    PRIMARY KEY (persona, version)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- What the user has noted on a run, the bin, and the model that lists show.
  ALTER TABLE runs ADD COLUMN tags TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(tags));
  ALTER TABLE runs ADD COLUMN notes TEXT NOT NULL DEFAULT '';
  ALTER TABLE runs ADD COLUMN starred INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE runs ADD COLUMN deleted_at TEXT;
  ALTER TABLE runs ADD COLUMN model TEXT GENERATED ALWAYS AS (
    coalesce(input ->> '$.persona.recipe.base', input ->> '$.recipe.base', input ->> '$.base', input ->> '$.model')
  ) VIRTUAL;
  `,
  `
  -- What the user has set for the studio on this machine, by name.
  CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL CHECK (json_valid(value))
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- Models that other servers run. Their keys are not here.
  CREATE TABLE endpoints (
    -- The server's address, #, and the model's name.
    id TEXT PRIMARY KEY,
    label TEXT NOT NULL,
    -- Answers asked for at a time; null: as the server has it.
    requests INTEGER,
    -- What the server said when it was asked.
    facts TEXT NOT NULL CHECK (json_valid(facts)),
    added_at TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- Models that are used where another program keeps them.
  CREATE TABLE linked (
    path TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    program TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- Projectors of pictures that the user named for models, by the path of the model's file; empty: it shall have none.
  CREATE TABLE projectors (
    model TEXT PRIMARY KEY,
    projector TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- Pictures that models were shown, by the SHA-256 of the file.
  CREATE TABLE pictures (
    hash TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    data BLOB NOT NULL,
    added_at TEXT NOT NULL
  ) STRICT;
  -- Those that a question was asked about: a list of what is known of each.
  ALTER TABLE messages ADD COLUMN pictures TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(pictures));
  `,
];
