-- Devices, and the tokens that they enrol with.
CREATE TABLE device (
  realm            BIGINT NOT NULL,
  id               TEXT NOT NULL,
  number           TEXT NOT NULL,
  spiffe_id        TEXT NOT NULL,
  name             TEXT NOT NULL,
  platform         TEXT NOT NULL,
  class            TEXT NOT NULL,
  profile          TEXT,
  owner            TEXT,
  state            TEXT NOT NULL,
  reason           TEXT,
  serial           TEXT NOT NULL,
  key_digest       BYTEA NOT NULL,
  issued_at        BIGINT NOT NULL,
  expires_at       BIGINT NOT NULL,
  previous_serial  TEXT NOT NULL,
  next_svid        TEXT,
  evidence         TEXT NOT NULL,
  evidence_expires BIGINT NOT NULL,
  created_at       BIGINT NOT NULL,
  revision         BIGINT NOT NULL,
  PRIMARY KEY (realm, id)
);

CREATE INDEX device_owner ON device (realm, owner);

CREATE TABLE device_token (
  realm       BIGINT NOT NULL,
  id          TEXT NOT NULL,
  digest      BYTEA NOT NULL,
  uses_max    BIGINT NOT NULL,
  uses        BIGINT NOT NULL,
  class       TEXT NOT NULL,
  profile     TEXT,
  owner       TEXT,
  created_at  BIGINT NOT NULL,
  expires_at  BIGINT NOT NULL,
  revoked     BIGINT NOT NULL CHECK (revoked IN (0, 1)),
  PRIMARY KEY (realm, id)
);

CREATE UNIQUE INDEX device_token_digest ON device_token (realm, digest);

-- Which key used a token, and which device that made: for an answer that was lost.
CREATE TABLE device_token_use (
  realm       BIGINT NOT NULL,
  token       TEXT NOT NULL,
  key_digest  BYTEA NOT NULL,
  device      TEXT NOT NULL,
  used_at     BIGINT NOT NULL,
  PRIMARY KEY (realm, token, key_digest),
  FOREIGN KEY (realm, token) REFERENCES device_token (realm, id) ON DELETE CASCADE
);
