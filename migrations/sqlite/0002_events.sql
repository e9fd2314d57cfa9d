-- What happened: facts that were handed out or refused, and the keys that open them.

-- Keys of event bodies, sealed. Without `sealed`, the person was erased, and never gets a key again.
CREATE TABLE event_key (
    realm INTEGER NOT NULL,
    owner TEXT NOT NULL,
    day INTEGER,
    id BLOB NOT NULL,
    sealed BLOB,
    made INTEGER NOT NULL,
    PRIMARY KEY (realm, owner),
    UNIQUE (realm, id)
) STRICT;

-- Numbered facts. A stream is one start of one server; the one of zeros is the database's own.
CREATE TABLE ledger (
    realm INTEGER NOT NULL,
    stream BLOB NOT NULL,
    n INTEGER NOT NULL CHECK (n > 0),
    time INTEGER NOT NULL,
    kind TEXT NOT NULL,
    subject BLOB,
    actor BLOB,
    body BLOB NOT NULL,
    PRIMARY KEY (realm, stream, n)
) STRICT;
CREATE INDEX ledger_time ON ledger (realm, time, stream, n);

-- The last number that the database gave.
CREATE TABLE ledger_head (
    realm INTEGER NOT NULL PRIMARY KEY,
    n INTEGER NOT NULL CHECK (n >= 0)
) STRICT;

-- Facts written in the transaction they tell of, waiting for their number.
CREATE TABLE ledger_unnumbered (
    realm INTEGER NOT NULL,
    id TEXT NOT NULL,
    time INTEGER NOT NULL,
    kind TEXT NOT NULL,
    subject BLOB,
    actor BLOB,
    body BLOB NOT NULL,
    PRIMARY KEY (realm, id)
) STRICT;
