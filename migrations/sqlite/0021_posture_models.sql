-- The models that a realm scored devices by, each with who set it, when and why: the one with the highest number counts. Without a
-- document it is the one that is shipped.
CREATE TABLE posture_model (
  realm     INTEGER NOT NULL,
  number    INTEGER NOT NULL,
  name      TEXT NOT NULL,
  version   INTEGER NOT NULL,
  digest    BLOB NOT NULL,
  document  TEXT,
  note      TEXT NOT NULL,
  set_by    TEXT NOT NULL,
  set_at    INTEGER NOT NULL,
  restores  INTEGER,
  PRIMARY KEY (realm, number)
) STRICT;
