-- The identity providers that an organisation has already, and sign-ins on their way through them.

-- Configuration. The client secret is sealed; the document is JSON.
CREATE TABLE upstream (
  realm       INTEGER NOT NULL,
  id          TEXT NOT NULL,
  document    TEXT NOT NULL,
  secret      BLOB,
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  revision    INTEGER NOT NULL,
  PRIMARY KEY (realm, id)
) STRICT;

-- One attempt at one provider: used once, bound to one browser. The document (nonce, verifier) is sealed.
CREATE TABLE broker_transaction (
  realm       INTEGER NOT NULL,
  digest      BLOB NOT NULL,
  upstream    TEXT NOT NULL,
  sign_in_id  TEXT,
  binding     BLOB NOT NULL,
  document    BLOB NOT NULL,
  created_at  INTEGER NOT NULL,
  expires_at  INTEGER NOT NULL,
  used_at     INTEGER,
  PRIMARY KEY (realm, digest)
) STRICT;

CREATE INDEX broker_transaction_expires ON broker_transaction (realm, expires_at);

-- Tokens of a provider that asked for them to be kept, sealed, one set a person and provider.
CREATE TABLE upstream_token (
  realm       INTEGER NOT NULL,
  upstream    TEXT NOT NULL,
  user_id     TEXT NOT NULL,
  document    BLOB NOT NULL,
  expires_at  INTEGER NOT NULL,
  PRIMARY KEY (realm, upstream, user_id),
  FOREIGN KEY (realm, user_id) REFERENCES user_account (realm, id) ON DELETE CASCADE
) STRICT;
