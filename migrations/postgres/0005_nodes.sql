CREATE TABLE agent (
  realm             BIGINT NOT NULL,
  id                TEXT NOT NULL,
  number            TEXT NOT NULL,
  attestation_type  TEXT NOT NULL,
  selectors         TEXT NOT NULL,
  alias             TEXT,
  serial            TEXT NOT NULL,
  previous_serial   TEXT NOT NULL,
  issued_at         BIGINT NOT NULL,
  expires_at        BIGINT NOT NULL,
  not_before        BIGINT NOT NULL,
  banned            BIGINT NOT NULL CHECK (banned IN (0, 1)),
  can_reattest      BIGINT NOT NULL CHECK (can_reattest IN (0, 1)),
  attested_at       BIGINT NOT NULL,
  evidence_expires  BIGINT NOT NULL,
  version           TEXT NOT NULL,
  PRIMARY KEY (realm, id)
);

CREATE TABLE join_token (
  realm       BIGINT NOT NULL,
  id          TEXT NOT NULL,
  digest      BYTEA NOT NULL,
  uses_max    BIGINT NOT NULL,
  uses        BIGINT NOT NULL,
  selectors   TEXT NOT NULL,
  alias       TEXT,
  created_at  BIGINT NOT NULL,
  expires_at  BIGINT NOT NULL,
  revoked     BIGINT NOT NULL CHECK (revoked IN (0, 1)),
  PRIMARY KEY (realm, id)
);

CREATE UNIQUE INDEX join_token_digest ON join_token (realm, digest);

CREATE TABLE join_token_use (
  realm       BIGINT NOT NULL,
  token       TEXT NOT NULL,
  key_digest  BYTEA NOT NULL,
  ordinal     BIGINT NOT NULL,
  used_at     BIGINT NOT NULL,
  PRIMARY KEY (realm, token, key_digest),
  FOREIGN KEY (realm, token) REFERENCES join_token (realm, id) ON DELETE CASCADE
);
