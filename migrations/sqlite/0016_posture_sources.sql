-- What is held of a device, source by source: of each the newest that it said, as it counts and in words.
CREATE TABLE posture_source (
  realm           INTEGER NOT NULL,
  device          TEXT NOT NULL,
  source          TEXT NOT NULL,
  collected_at    INTEGER NOT NULL,
  received_at     INTEGER NOT NULL,
  digest          BLOB NOT NULL,
  came_as         TEXT NOT NULL,
  laptop          INTEGER NOT NULL CHECK (laptop IN (0, 1)),
  readings        TEXT NOT NULL,
  report          TEXT NOT NULL,
  PRIMARY KEY (realm, device, source)
) STRICT;

INSERT INTO posture_source (realm, device, source, collected_at, received_at, digest, came_as, laptop, readings, report)
  SELECT realm, device, 'collector', collected_at, received_at, digest, came_as, laptop, readings, report FROM posture;

-- What another replica took since a replica looked last.
CREATE INDEX posture_source_received ON posture_source (realm, received_at);

-- The level that a device holds, and its score over time, belong to the device; they stay where they are.
DROP INDEX posture_received;
ALTER TABLE posture DROP COLUMN collected_at;
ALTER TABLE posture DROP COLUMN received_at;
ALTER TABLE posture DROP COLUMN digest;
ALTER TABLE posture DROP COLUMN came_as;
ALTER TABLE posture DROP COLUMN laptop;
ALTER TABLE posture DROP COLUMN readings;
ALTER TABLE posture DROP COLUMN report;

-- Counts the writes that others hear of: which of two views of a device is the later one.
ALTER TABLE posture ADD COLUMN revision INTEGER;
