-- What devices report of themselves: of each the newest report, as it counts and in words, and the level it holds.
CREATE TABLE posture (
  realm           BIGINT NOT NULL,
  device          TEXT NOT NULL,
  collected_at    BIGINT NOT NULL,
  received_at     BIGINT NOT NULL,
  digest          BYTEA NOT NULL,
  came_as         TEXT NOT NULL,
  laptop          BIGINT NOT NULL CHECK (laptop IN (0, 1)),
  readings        TEXT NOT NULL,
  report          TEXT NOT NULL,
  level           TEXT NOT NULL,
  rising_to       TEXT,
  rising_since    BIGINT,
  rising_reports  BIGINT,
  charted_at      BIGINT NOT NULL,
  chart           TEXT NOT NULL,
  PRIMARY KEY (realm, device)
);

-- What another replica took since a replica looked last.
CREATE INDEX posture_received ON posture (realm, received_at);

-- The device that a node runs on, proven by both keys.
ALTER TABLE agent ADD COLUMN device TEXT;
