-- Browser sign-ins, what was taken back, and sign-ins on their way.

CREATE TABLE session (
  realm        INTEGER NOT NULL,
  id           TEXT NOT NULL,
  digest       BLOB NOT NULL,
  user_id      TEXT NOT NULL,
  number       TEXT NOT NULL,
  assurance    INTEGER NOT NULL,
  methods      TEXT NOT NULL,
  upstream     TEXT,
  address      TEXT NOT NULL,
  agent        TEXT NOT NULL,
  created_at   INTEGER NOT NULL,
  signed_in_at INTEGER NOT NULL,
  used_at      INTEGER NOT NULL,
  idle_at      INTEGER NOT NULL,
  expires_at   INTEGER NOT NULL,
  PRIMARY KEY (realm, id),
  FOREIGN KEY (realm, user_id) REFERENCES user_account (realm, id) ON DELETE CASCADE
) STRICT;

CREATE UNIQUE INDEX session_digest ON session (realm, digest);
CREATE INDEX session_of_user ON session (realm, user_id);
CREATE INDEX session_expires ON session (realm, expires_at);

-- The clients that got something from a session, to be told when it ends.
CREATE TABLE session_client (
  realm       INTEGER NOT NULL,
  session_id  TEXT NOT NULL,
  client_id   TEXT NOT NULL,
  first_at    INTEGER NOT NULL,
  PRIMARY KEY (realm, session_id, client_id),
  FOREIGN KEY (realm, session_id) REFERENCES session (realm, id) ON DELETE CASCADE
) STRICT;

-- Configuration: what holds no longer. `what` is a grant or a session, or a user or client all of whose credentials from
-- before `not_before` are void. Never a list of tokens. A row goes when nothing it can concern lives any more.
CREATE TABLE revocation (
  realm       INTEGER NOT NULL,
  what        TEXT NOT NULL CHECK (what IN ('grant', 'session', 'subject', 'realm')),
  id          TEXT NOT NULL,
  not_before  INTEGER NOT NULL,
  expires_at  INTEGER NOT NULL,
  PRIMARY KEY (realm, what, id)
) STRICT;

-- A sign-in on its way: what was asked, and what was shown so far. The document is sealed.
CREATE TABLE sign_in (
  realm       INTEGER NOT NULL,
  id          TEXT NOT NULL,
  binding     BLOB NOT NULL,
  version     INTEGER NOT NULL,
  document    BLOB NOT NULL,
  created_at  INTEGER NOT NULL,
  expires_at  INTEGER NOT NULL,
  PRIMARY KEY (realm, id)
) STRICT;

CREATE INDEX sign_in_expires ON sign_in (realm, expires_at);
CREATE INDEX sign_in_browser ON sign_in (realm, binding);
