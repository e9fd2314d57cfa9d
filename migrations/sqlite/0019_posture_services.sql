-- Services that look after devices and tell what they know of them: how what they send is read, and the secrets, sealed, that
-- they sign with.
CREATE TABLE posture_service (
  realm           INTEGER NOT NULL,
  name            TEXT NOT NULL,
  mapping         TEXT NOT NULL,
  secret          BLOB NOT NULL,
  former          BLOB,
  former_ends     INTEGER,
  created_at      INTEGER NOT NULL,
  updated_at      INTEGER NOT NULL,
  revision        INTEGER NOT NULL,
  PRIMARY KEY (realm, name)
) STRICT;
