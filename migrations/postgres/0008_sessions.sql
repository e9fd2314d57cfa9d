-- Browser sign-ins, what was taken back, and sign-ins on their way.

CREATE TABLE session (
  realm        BIGINT NOT NULL,
  id           TEXT NOT NULL,
  digest       BYTEA NOT NULL,
  user_id      TEXT NOT NULL,
  number       TEXT NOT NULL,
  assurance    BIGINT NOT NULL,
  methods      TEXT NOT NULL,
  upstream     TEXT,
  address      TEXT NOT NULL,
  agent        TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  signed_in_at BIGINT NOT NULL,
  used_at      BIGINT NOT NULL,
  idle_at      BIGINT NOT NULL,
  expires_at   BIGINT NOT NULL,
  PRIMARY KEY (realm, id),
  FOREIGN KEY (realm, user_id) REFERENCES user_account (realm, id) ON DELETE CASCADE
);

CREATE UNIQUE INDEX session_digest ON session (realm, digest);
CREATE INDEX session_of_user ON session (realm, user_id);
CREATE INDEX session_expires ON session (realm, expires_at);

-- The clients that got something from a session, to be told when it ends.
CREATE TABLE session_client (
  realm       BIGINT NOT NULL,
  session_id  TEXT NOT NULL,
  client_id   TEXT NOT NULL,
  first_at    BIGINT NOT NULL,
  PRIMARY KEY (realm, session_id, client_id),
  FOREIGN KEY (realm, session_id) REFERENCES session (realm, id) ON DELETE CASCADE
);

-- Configuration: what holds no longer. `what` is a grant or a session, or a user or client all of whose credentials from
-- before `not_before` are void. Never a list of tokens. A row goes when nothing it can concern lives any more.
CREATE TABLE revocation (
  realm       BIGINT NOT NULL,
  what        TEXT NOT NULL CHECK (what IN ('grant', 'session', 'subject', 'realm')),
  id          TEXT NOT NULL,
  not_before  BIGINT NOT NULL,
  expires_at  BIGINT NOT NULL,
  PRIMARY KEY (realm, what, id)
);

-- A sign-in on its way: what was asked, and what was shown so far. The document is sealed.
CREATE TABLE sign_in (
  realm       BIGINT NOT NULL,
  id          TEXT NOT NULL,
  binding     BYTEA NOT NULL,
  version     BIGINT NOT NULL,
  document    BYTEA NOT NULL,
  created_at  BIGINT NOT NULL,
  expires_at  BIGINT NOT NULL,
  PRIMARY KEY (realm, id)
);

CREATE INDEX sign_in_expires ON sign_in (realm, expires_at);
CREATE INDEX sign_in_browser ON sign_in (realm, binding);
