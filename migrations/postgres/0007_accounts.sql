-- People: who they are, what they sign in with, and which groups they are in.

CREATE TABLE user_account (
  realm       BIGINT NOT NULL,
  id          TEXT NOT NULL,
  number      TEXT NOT NULL,
  handle      TEXT NOT NULL,
  state       TEXT NOT NULL CHECK (state IN ('active', 'locked')),
  language    TEXT,
  created_at  BIGINT NOT NULL,
  updated_at  BIGINT NOT NULL,
  revision    BIGINT NOT NULL,
  PRIMARY KEY (realm, id)
);

CREATE UNIQUE INDEX user_account_handle ON user_account (realm, handle);

-- What may be typed to say who one is: each belongs to one person. Normalised.
CREATE TABLE user_identifier (
  realm    BIGINT NOT NULL,
  kind     TEXT NOT NULL CHECK (kind IN ('username', 'email', 'phone')),
  value    TEXT NOT NULL,
  user_id  TEXT NOT NULL,
  PRIMARY KEY (realm, kind, value),
  FOREIGN KEY (realm, user_id) REFERENCES user_account (realm, id) ON DELETE CASCADE
);

CREATE INDEX user_identifier_user ON user_identifier (realm, user_id);

-- Standard claims (OpenID Connect Core 5.1), each with its proof where there is one: by whom, how, when.
CREATE TABLE user_attribute (
  realm      BIGINT NOT NULL,
  user_id    TEXT NOT NULL,
  name       TEXT NOT NULL,
  value      TEXT NOT NULL,
  proof      TEXT,
  proof_by   TEXT,
  proof_at   BIGINT,
  PRIMARY KEY (realm, user_id, name),
  FOREIGN KEY (realm, user_id) REFERENCES user_account (realm, id) ON DELETE CASCADE
);

CREATE TABLE user_password (
  realm       BIGINT NOT NULL,
  user_id     TEXT NOT NULL,
  hash        TEXT NOT NULL,
  changed_at  BIGINT NOT NULL,
  PRIMARY KEY (realm, user_id),
  FOREIGN KEY (realm, user_id) REFERENCES user_account (realm, id) ON DELETE CASCADE
);

CREATE TABLE user_passkey (
  realm          BIGINT NOT NULL,
  id             TEXT NOT NULL,
  user_id        TEXT NOT NULL,
  credential_id  BYTEA NOT NULL,
  name           TEXT NOT NULL,
  aaguid         TEXT,
  synced         BIGINT NOT NULL CHECK (synced IN (0, 1)),
  document       TEXT NOT NULL,
  created_at     BIGINT NOT NULL,
  used_at        BIGINT,
  PRIMARY KEY (realm, id),
  FOREIGN KEY (realm, user_id) REFERENCES user_account (realm, id) ON DELETE CASCADE
);

CREATE UNIQUE INDEX user_passkey_credential ON user_passkey (realm, credential_id);
CREATE INDEX user_passkey_user ON user_passkey (realm, user_id);

-- Secrets of RFC 6238, sealed: the one in use, and one that waits for its first code. `step` is the last time step used: no
-- code works twice.
CREATE TABLE user_totp (
  realm        BIGINT NOT NULL,
  user_id      TEXT NOT NULL,
  secret       BYTEA,
  pending      BYTEA,
  step         BIGINT NOT NULL,
  created_at   BIGINT NOT NULL,
  PRIMARY KEY (realm, user_id),
  FOREIGN KEY (realm, user_id) REFERENCES user_account (realm, id) ON DELETE CASCADE
);

CREATE TABLE user_recovery_code (
  realm       BIGINT NOT NULL,
  user_id     TEXT NOT NULL,
  digest      BYTEA NOT NULL,
  created_at  BIGINT NOT NULL,
  used_at     BIGINT,
  PRIMARY KEY (realm, user_id, digest),
  FOREIGN KEY (realm, user_id) REFERENCES user_account (realm, id) ON DELETE CASCADE
);

-- Sent to an address or printed on a terminal, usable once: verification, recovery, enrolment, linking.
CREATE TABLE user_proof (
  realm       BIGINT NOT NULL,
  digest      BYTEA NOT NULL,
  user_id     TEXT NOT NULL,
  purpose     TEXT NOT NULL,
  address     TEXT,
  bound_to    BYTEA,
  created_at  BIGINT NOT NULL,
  expires_at  BIGINT NOT NULL,
  used_at     BIGINT,
  PRIMARY KEY (realm, digest),
  FOREIGN KEY (realm, user_id) REFERENCES user_account (realm, id) ON DELETE CASCADE
);

CREATE INDEX user_proof_user ON user_proof (realm, user_id);
CREATE INDEX user_proof_expires ON user_proof (realm, expires_at);

-- Who somebody is at another provider: never an e-mail address (upstream, issuer, subject).
CREATE TABLE external_identity (
  realm      BIGINT NOT NULL,
  upstream   TEXT NOT NULL,
  issuer     TEXT NOT NULL,
  subject    TEXT NOT NULL,
  user_id    TEXT NOT NULL,
  display    TEXT,
  linked_at  BIGINT NOT NULL,
  used_at    BIGINT,
  PRIMARY KEY (realm, upstream, issuer, subject),
  FOREIGN KEY (realm, user_id) REFERENCES user_account (realm, id) ON DELETE CASCADE
);

CREATE INDEX external_identity_user ON external_identity (realm, user_id);

CREATE TABLE user_group (
  realm        BIGINT NOT NULL,
  id           TEXT NOT NULL,
  description  TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  PRIMARY KEY (realm, id)
);

-- `source` is `local`, or the upstream that said so and may take it back.
CREATE TABLE user_group_member (
  realm     BIGINT NOT NULL,
  group_id  TEXT NOT NULL,
  user_id   TEXT NOT NULL,
  source    TEXT NOT NULL,
  PRIMARY KEY (realm, group_id, user_id),
  FOREIGN KEY (realm, group_id) REFERENCES user_group (realm, id) ON DELETE CASCADE,
  FOREIGN KEY (realm, user_id) REFERENCES user_account (realm, id) ON DELETE CASCADE
);

CREATE INDEX user_group_member_user ON user_group_member (realm, user_id);

-- A sign-in's tries, counted before they are looked at and taken back when they were right: by account, address and network; the key is a digest, so that it names nobody.
CREATE TABLE sign_in_failure (
  realm       BIGINT NOT NULL,
  key_digest  BYTEA NOT NULL,
  failures    BIGINT NOT NULL,
  last_at     BIGINT NOT NULL,
  PRIMARY KEY (realm, key_digest)
);
