-- run.db, one a run folder. application_id is 'NASR'; user_version is the schema version (see migrate.go).
-- The trial's kind 'cached' and its states 'queued' and 'paused' are never written: the words stay because every stored run has them.
-- Times are Unix nanoseconds; NULL is "not yet". Seeds are the bit pattern of a uint64. No column ever holds NaN: SQLite would make it NULL.
CREATE TABLE run(                                        -- exactly one row
  id INTEGER PRIMARY KEY CHECK(id = 1),
  uuid TEXT NOT NULL UNIQUE, name TEXT NOT NULL, parent_uuid TEXT, forked_at INTEGER,
  state TEXT NOT NULL CHECK(state IN('created','running','paused','draining','done','failed','stopped')),
  seed INTEGER NOT NULL, target INTEGER NOT NULL,
  config TEXT CHECK(config IS NULL OR json_valid(config)),
  dataset_sha256 TEXT NOT NULL,
  build TEXT CHECK(build IS NULL OR json_valid(build)),  -- version, commit, goos/goarch, cpu features, go version
  incarnation INTEGER NOT NULL,                          -- +1 each time a writer opens the run (fencing)
  elapsed_ns INTEGER NOT NULL DEFAULT 0,
  created_ns INTEGER NOT NULL, updated_ns INTEGER NOT NULL) STRICT;

CREATE TABLE blob(                                       -- files in blobs/ab/<sha256>.safetensors
  sha256 TEXT PRIMARY KEY CHECK(length(sha256) = 64), kind TEXT NOT NULL, bytes INTEGER NOT NULL, created_ns INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE trial(
  id INTEGER PRIMARY KEY CHECK(id >= 0),                 -- the proposal's number: the order in which rewards are applied
  batch INTEGER NOT NULL, policy_version INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK(kind IN('sample','edit','retrain','cached')),
  genotype TEXT NOT NULL CHECK(json_valid(genotype)), cell_hash TEXT NOT NULL,
  choices TEXT CHECK(choices IS NULL OR json_valid(choices)),
  logp BLOB,                                             -- log-probability of each choice under the proposing policy, float64 little endian
  state TEXT NOT NULL CHECK(state IN('proposed','queued','running','paused','done','failed','stopped')),
  attempt INTEGER NOT NULL DEFAULT 0, reward REAL, fail_kind TEXT NOT NULL DEFAULT '', fail_detail TEXT NOT NULL DEFAULT '',
  params INTEGER NOT NULL DEFAULT 0, madds INTEGER NOT NULL DEFAULT 0,
  parent INTEGER REFERENCES trial(id),                   -- the trial it was made from, or whose reward it shares
  spec TEXT CHECK(spec IS NULL OR json_valid(spec)),     -- settings of a retrain
  star INTEGER NOT NULL DEFAULT 0 CHECK(star IN(0, 1)), note TEXT NOT NULL DEFAULT '',
  weights_sha256 TEXT REFERENCES blob(sha256),
  checkpoint_sha256 TEXT REFERENCES blob(sha256), checkpoint_epoch INTEGER NOT NULL DEFAULT 0, -- exact state of a half-trained child
  worker TEXT NOT NULL DEFAULT '',                       -- who trained it; empty: this machine
  started_ns INTEGER, finished_ns INTEGER, seconds REAL NOT NULL DEFAULT 0, latency_ms REAL NOT NULL DEFAULT 0,
  CHECK(state <> 'done' OR reward IS NOT NULL), CHECK(state <> 'failed' OR fail_kind <> ''), CHECK(parent IS NULL OR parent <> id)) STRICT;
CREATE INDEX trial_open ON trial(id) WHERE state IN('proposed','queued','running','paused');
CREATE INDEX trial_cell ON trial(cell_hash);
CREATE INDEX trial_rank ON trial(kind, state, reward);
CREATE INDEX trial_weights ON trial(weights_sha256) WHERE weights_sha256 IS NOT NULL;
CREATE INDEX trial_checkpoint ON trial(checkpoint_sha256) WHERE checkpoint_sha256 IS NOT NULL;
CREATE INDEX trial_parent ON trial(parent) WHERE parent IS NOT NULL;

CREATE TABLE epoch(
  trial INTEGER NOT NULL REFERENCES trial(id), attempt INTEGER NOT NULL, epoch INTEGER NOT NULL,
  lr REAL NOT NULL, keep REAL NOT NULL, train_loss REAL NOT NULL, train_acc REAL NOT NULL, val_loss REAL NOT NULL, val_acc REAL NOT NULL,
  seconds REAL NOT NULL, images INTEGER NOT NULL,
  PRIMARY KEY(trial, attempt, epoch)) STRICT, WITHOUT ROWID;

CREATE TABLE policy(                                     -- the controller after each update; version 0 is the untrained one
  version INTEGER PRIMARY KEY CHECK(version >= 0), batch INTEGER NOT NULL,
  state_sha256 TEXT NOT NULL REFERENCES blob(sha256),    -- weights, optimiser, baseline
  baseline REAL NOT NULL, mean_reward REAL NOT NULL, max_reward REAL NOT NULL, entropy REAL NOT NULL, max_entropy REAL NOT NULL,
  kl REAL NOT NULL, clip_fraction REAL NOT NULL, grad_norm REAL NOT NULL, applied_ns INTEGER) STRICT;
CREATE UNIQUE INDEX policy_batch ON policy(batch) WHERE version > 0;
CREATE INDEX policy_state ON policy(state_sha256);

CREATE TABLE policy_sample(                              -- which rewards, in which order: replays any run exactly
  version INTEGER NOT NULL REFERENCES policy(version), pos INTEGER NOT NULL,
  trial INTEGER NOT NULL UNIQUE REFERENCES trial(id), reward REAL NOT NULL,
  PRIMARY KEY(version, pos)) STRICT, WITHOUT ROWID;

CREATE TABLE event(
  id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, incarnation INTEGER NOT NULL,
  level TEXT NOT NULL, kind TEXT NOT NULL, trial INTEGER, body TEXT CHECK(body IS NULL OR json_valid(body))) STRICT;

CREATE VIEW leaderboard AS                               -- for people with the sqlite3 shell; the program does not read it
  SELECT id AS trial, kind, round(reward, 5) AS reward, params, madds, substr(cell_hash, 1, 6) AS cell, round(seconds, 1) AS seconds
  FROM trial WHERE state = 'done' ORDER BY reward DESC;
