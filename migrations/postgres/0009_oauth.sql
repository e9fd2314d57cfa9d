-- Clients, requests on their way, and what was granted.

-- Configuration. Secrets are digests; the document is the client's metadata as JSON.
CREATE TABLE client (
  realm       BIGINT NOT NULL,
  id          TEXT NOT NULL,
  number      TEXT NOT NULL,
  document    TEXT NOT NULL,
  secret      BYTEA,
  next_secret BYTEA,
  created_at  BIGINT NOT NULL,
  updated_at  BIGINT NOT NULL,
  revision    BIGINT NOT NULL,
  PRIMARY KEY (realm, id)
);

-- An authorization request from its arrival to its answer; bound to the browser that brought it.
CREATE TABLE authorization_request (
  realm       BIGINT NOT NULL,
  id          TEXT NOT NULL,
  binding     BYTEA NOT NULL,
  document    TEXT NOT NULL,
  created_at  BIGINT NOT NULL,
  expires_at  BIGINT NOT NULL,
  PRIMARY KEY (realm, id)
);

CREATE INDEX authorization_request_expires ON authorization_request (realm, expires_at);

-- What a person, or a client for itself, gave to a client: tokens hang off it.
CREATE TABLE oauth_grant (
  realm        BIGINT NOT NULL,
  id           TEXT NOT NULL,
  client_id    TEXT NOT NULL,
  user_id      TEXT,
  session_id   TEXT,
  document     TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  expires_at   BIGINT NOT NULL,
  PRIMARY KEY (realm, id)
);

CREATE INDEX oauth_grant_user ON oauth_grant (realm, user_id, client_id);
CREATE INDEX oauth_grant_session ON oauth_grant (realm, session_id);
CREATE INDEX oauth_grant_expires ON oauth_grant (realm, expires_at);

-- One use each (RFC 6749 §4.1.2). A used one stays until it has expired, so that a second use is known for what it is.
CREATE TABLE authorization_code (
  realm       BIGINT NOT NULL,
  digest      BYTEA NOT NULL,
  grant_id    TEXT NOT NULL,
  document    TEXT NOT NULL,
  expires_at  BIGINT NOT NULL,
  used_at     BIGINT,
  PRIMARY KEY (realm, digest)
);

CREATE INDEX authorization_code_expires ON authorization_code (realm, expires_at);

-- The current refresh token of a family, and the one before it for as long as a retry may still show that.
CREATE TABLE refresh_token (
  realm        BIGINT NOT NULL,
  grant_id     TEXT NOT NULL,
  digest       BYTEA NOT NULL,
  previous     BYTEA,
  rotated_at   BIGINT NOT NULL,
  generation   BIGINT NOT NULL,
  expires_at   BIGINT NOT NULL,
  PRIMARY KEY (realm, grant_id)
);

CREATE INDEX refresh_token_expires ON refresh_token (realm, expires_at);

-- What a person agreed to, for one client and resource.
CREATE TABLE consent (
  realm      BIGINT NOT NULL,
  user_id    TEXT NOT NULL,
  client_id  TEXT NOT NULL,
  resource   TEXT NOT NULL,
  scopes     TEXT NOT NULL,
  given_at   BIGINT NOT NULL,
  PRIMARY KEY (realm, user_id, client_id, resource)
);
