-- Who is contained: gets nothing until this time, and why. A person's number stands beside them: decisions know people by it.
CREATE TABLE containment (
  realm       BIGINT NOT NULL,
  subject     TEXT NOT NULL,
  number      TEXT,
  reason      TEXT NOT NULL,
  created_at  BIGINT NOT NULL,
  ends_at     BIGINT NOT NULL,
  PRIMARY KEY (realm, subject)
);

CREATE INDEX containment_ends ON containment (realm, ends_at);
