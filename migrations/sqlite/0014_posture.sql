-- What devices report of themselves: of each the newest report, as it counts and in words, and the level it holds.
CREATE TABLE posture (
  realm           INTEGER NOT NULL,
  device          TEXT NOT NULL,
  collected_at    INTEGER NOT NULL,
  received_at     INTEGER NOT NULL,
  digest          BLOB NOT NULL,
  came_as         TEXT NOT NULL,
  laptop          INTEGER NOT NULL CHECK (laptop IN (0, 1)),
  readings        TEXT NOT NULL,
  report          TEXT NOT NULL,
  level           TEXT NOT NULL,
  rising_to       TEXT,
  rising_since    INTEGER,
  rising_reports  INTEGER,
  charted_at      INTEGER NOT NULL,
  chart           TEXT NOT NULL,
  PRIMARY KEY (realm, device)
) STRICT;

-- What another replica took since a replica looked last.
CREATE INDEX posture_received ON posture (realm, received_at);

-- The device that a node runs on, proven by both keys.
ALTER TABLE agent ADD COLUMN device TEXT;
