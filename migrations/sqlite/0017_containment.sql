-- Who is contained: gets nothing until this time, and why. A person's number stands beside them: decisions know people by it.
CREATE TABLE containment (
  realm       INTEGER NOT NULL,
  subject     TEXT NOT NULL,
  number      TEXT,
  reason      TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  ends_at     INTEGER NOT NULL,
  PRIMARY KEY (realm, subject)
) STRICT;

CREATE INDEX containment_ends ON containment (realm, ends_at);
