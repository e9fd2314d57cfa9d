-- Services that look after devices and tell what they know of them: how what they send is read, and the secrets, sealed, that
-- they sign with.
CREATE TABLE posture_service (
  realm           BIGINT NOT NULL,
  name            TEXT NOT NULL,
  mapping         TEXT NOT NULL,
  secret          BYTEA NOT NULL,
  former          BYTEA,
  former_ends     BIGINT,
  created_at      BIGINT NOT NULL,
  updated_at      BIGINT NOT NULL,
  revision        BIGINT NOT NULL,
  PRIMARY KEY (realm, name)
);
