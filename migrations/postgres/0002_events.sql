-- What happened: facts that were handed out or refused, and the keys that open them.

-- Keys of event bodies, sealed. Without `sealed`, the person was erased, and never gets a key again.
CREATE TABLE event_key (
    realm BIGINT NOT NULL,
    owner TEXT NOT NULL,
    day BIGINT,
    id BYTEA NOT NULL,
    sealed BYTEA,
    made BIGINT NOT NULL,
    PRIMARY KEY (realm, owner),
    UNIQUE (realm, id)
);

-- Numbered facts. A stream is one start of one server; the one of zeros is the database's own.
CREATE TABLE ledger (
    realm BIGINT NOT NULL,
    stream BYTEA NOT NULL,
    n BIGINT NOT NULL CHECK (n > 0),
    time BIGINT NOT NULL,
    kind TEXT NOT NULL,
    subject BYTEA,
    actor BYTEA,
    body BYTEA NOT NULL,
    PRIMARY KEY (realm, stream, n)
);
CREATE INDEX ledger_time ON ledger (realm, time, stream, n);

-- The last number that the database gave.
CREATE TABLE ledger_head (
    realm BIGINT NOT NULL PRIMARY KEY,
    n BIGINT NOT NULL CHECK (n >= 0)
);

-- Facts written in the transaction they tell of, waiting for their number.
CREATE TABLE ledger_unnumbered (
    realm BIGINT NOT NULL,
    id TEXT NOT NULL,
    time BIGINT NOT NULL,
    kind TEXT NOT NULL,
    subject BYTEA,
    actor BYTEA,
    body BYTEA NOT NULL,
    PRIMARY KEY (realm, id)
);
