-- The models that a realm scored devices by, each with who set it, when and why: the one with the highest number counts. Without a
-- document it is the one that is shipped.
CREATE TABLE posture_model (
  realm     BIGINT NOT NULL,
  number    BIGINT NOT NULL,
  name      TEXT NOT NULL,
  version   BIGINT NOT NULL,
  digest    BYTEA NOT NULL,
  document  TEXT,
  note      TEXT NOT NULL,
  set_by    TEXT NOT NULL,
  set_at    BIGINT NOT NULL,
  restores  BIGINT,
  PRIMARY KEY (realm, number)
);
