-- The identity providers that an organisation has already, and sign-ins on their way through them.

-- Configuration. The client secret is sealed; the document is JSON.
CREATE TABLE upstream (
  realm       BIGINT NOT NULL,
  id          TEXT NOT NULL,
  document    TEXT NOT NULL,
  secret      BYTEA,
  created_at  BIGINT NOT NULL,
  updated_at  BIGINT NOT NULL,
  revision    BIGINT NOT NULL,
  PRIMARY KEY (realm, id)
);

-- One attempt at one provider: used once, bound to one browser. The document (nonce, verifier) is sealed.
CREATE TABLE broker_transaction (
  realm       BIGINT NOT NULL,
  digest      BYTEA NOT NULL,
  upstream    TEXT NOT NULL,
  sign_in_id  TEXT,
  binding     BYTEA NOT NULL,
  document    BYTEA NOT NULL,
  created_at  BIGINT NOT NULL,
  expires_at  BIGINT NOT NULL,
  used_at     BIGINT,
  PRIMARY KEY (realm, digest)
);

CREATE INDEX broker_transaction_expires ON broker_transaction (realm, expires_at);

-- Tokens of a provider that asked for them to be kept, sealed, one set a person and provider.
CREATE TABLE upstream_token (
  realm       BIGINT NOT NULL,
  upstream    TEXT NOT NULL,
  user_id     TEXT NOT NULL,
  document    BYTEA NOT NULL,
  expires_at  BIGINT NOT NULL,
  PRIMARY KEY (realm, upstream, user_id),
  FOREIGN KEY (realm, user_id) REFERENCES user_account (realm, id) ON DELETE CASCADE
);
