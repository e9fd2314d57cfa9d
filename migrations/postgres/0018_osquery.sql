-- Osquery on machines: the key that each shows, the one it showed before, and the device that it speaks for.
CREATE TABLE osquery_node (
  realm           BIGINT NOT NULL,
  host            TEXT NOT NULL,
  device          TEXT NOT NULL,
  key_digest      BYTEA NOT NULL,
  previous_digest BYTEA,
  enrolled_at     BIGINT NOT NULL,
  PRIMARY KEY (realm, host)
);

-- One osquery speaks for a device.
CREATE UNIQUE INDEX osquery_node_device ON osquery_node (realm, device);
CREATE UNIQUE INDEX osquery_node_key ON osquery_node (realm, key_digest);

-- A token may be for one device that is there already: what enrols with it speaks for that one.
ALTER TABLE device_token ADD COLUMN device TEXT;
