CREATE TABLE agent (
  realm             INTEGER NOT NULL,
  id                TEXT NOT NULL,
  number            TEXT NOT NULL,
  attestation_type  TEXT NOT NULL,
  selectors         TEXT NOT NULL,
  alias             TEXT,
  serial            TEXT NOT NULL,
  previous_serial   TEXT NOT NULL,
  issued_at         INTEGER NOT NULL,
  expires_at        INTEGER NOT NULL,
  not_before        INTEGER NOT NULL,
  banned            INTEGER NOT NULL CHECK (banned IN (0, 1)),
  can_reattest      INTEGER NOT NULL CHECK (can_reattest IN (0, 1)),
  attested_at       INTEGER NOT NULL,
  evidence_expires  INTEGER NOT NULL,
  version           TEXT NOT NULL,
  PRIMARY KEY (realm, id)
) STRICT;

CREATE TABLE join_token (
  realm       INTEGER NOT NULL,
  id          TEXT NOT NULL,
  digest      BLOB NOT NULL,
  uses_max    INTEGER NOT NULL,
  uses        INTEGER NOT NULL,
  selectors   TEXT NOT NULL,
  alias       TEXT,
  created_at  INTEGER NOT NULL,
  expires_at  INTEGER NOT NULL,
  revoked     INTEGER NOT NULL CHECK (revoked IN (0, 1)),
  PRIMARY KEY (realm, id)
) STRICT;

CREATE UNIQUE INDEX join_token_digest ON join_token (realm, digest);

CREATE TABLE join_token_use (
  realm       INTEGER NOT NULL,
  token       TEXT NOT NULL,
  key_digest  BLOB NOT NULL,
  ordinal     INTEGER NOT NULL,
  used_at     INTEGER NOT NULL,
  PRIMARY KEY (realm, token, key_digest),
  FOREIGN KEY (realm, token) REFERENCES join_token (realm, id) ON DELETE CASCADE
) STRICT;
