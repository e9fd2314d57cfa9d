-- Clients, requests on their way, and what was granted.

-- Configuration. Secrets are digests; the document is the client's metadata as JSON.
CREATE TABLE client (
  realm       INTEGER NOT NULL,
  id          TEXT NOT NULL,
  number      TEXT NOT NULL,
  document    TEXT NOT NULL,
  secret      BLOB,
  next_secret BLOB,
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  revision    INTEGER NOT NULL,
  PRIMARY KEY (realm, id)
) STRICT;

-- An authorization request from its arrival to its answer; bound to the browser that brought it.
CREATE TABLE authorization_request (
  realm       INTEGER NOT NULL,
  id          TEXT NOT NULL,
  binding     BLOB NOT NULL,
  document    TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  expires_at  INTEGER NOT NULL,
  PRIMARY KEY (realm, id)
) STRICT;

CREATE INDEX authorization_request_expires ON authorization_request (realm, expires_at);

-- What a person, or a client for itself, gave to a client: tokens hang off it.
CREATE TABLE oauth_grant (
  realm        INTEGER NOT NULL,
  id           TEXT NOT NULL,
  client_id    TEXT NOT NULL,
  user_id      TEXT,
  session_id   TEXT,
  document     TEXT NOT NULL,
  created_at   INTEGER NOT NULL,
  expires_at   INTEGER NOT NULL,
  PRIMARY KEY (realm, id)
) STRICT;

CREATE INDEX oauth_grant_user ON oauth_grant (realm, user_id, client_id);
CREATE INDEX oauth_grant_session ON oauth_grant (realm, session_id);
CREATE INDEX oauth_grant_expires ON oauth_grant (realm, expires_at);

-- One use each (RFC 6749 §4.1.2). A used one stays until it has expired, so that a second use is known for what it is.
CREATE TABLE authorization_code (
  realm       INTEGER NOT NULL,
  digest      BLOB NOT NULL,
  grant_id    TEXT NOT NULL,
  document    TEXT NOT NULL,
  expires_at  INTEGER NOT NULL,
  used_at     INTEGER,
  PRIMARY KEY (realm, digest)
) STRICT;

CREATE INDEX authorization_code_expires ON authorization_code (realm, expires_at);

-- The current refresh token of a family, and the one before it for as long as a retry may still show that.
CREATE TABLE refresh_token (
  realm        INTEGER NOT NULL,
  grant_id     TEXT NOT NULL,
  digest       BLOB NOT NULL,
  previous     BLOB,
  rotated_at   INTEGER NOT NULL,
  generation   INTEGER NOT NULL,
  expires_at   INTEGER NOT NULL,
  PRIMARY KEY (realm, grant_id)
) STRICT;

CREATE INDEX refresh_token_expires ON refresh_token (realm, expires_at);

-- What a person agreed to, for one client and resource.
CREATE TABLE consent (
  realm      INTEGER NOT NULL,
  user_id    TEXT NOT NULL,
  client_id  TEXT NOT NULL,
  resource   TEXT NOT NULL,
  scopes     TEXT NOT NULL,
  given_at   INTEGER NOT NULL,
  PRIMARY KEY (realm, user_id, client_id, resource)
) STRICT;
