-- The change log and its heads, commits to look up, one-shot deliveries and leases.

-- The end of each realm's change log. A restored database is a new history; the numbers go on.
CREATE TABLE change_head (
    realm BIGINT NOT NULL PRIMARY KEY,
    history BIGINT NOT NULL CHECK (history > 0),
    seq BIGINT NOT NULL CHECK (seq >= 0),
    rights_seq BIGINT NOT NULL CHECK (rights_seq >= 0 AND rights_seq <= seq)
);

-- What changed, numbered without gaps in the order of the commits; not the new state.
CREATE TABLE change (
    realm BIGINT NOT NULL,
    history BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    event BYTEA NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (realm, history, seq)
);

-- The ids of commits, for callers whose answer was lost (PostgreSQL only; kept alike).
CREATE TABLE write_done (
    realm BIGINT NOT NULL,
    id TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (realm, id)
);

-- Addressed one-shot effects, written in the transaction that causes them.
CREATE TABLE delivery (
    realm BIGINT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    body BYTEA NOT NULL,
    made BIGINT NOT NULL,
    due BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    last_error TEXT,
    PRIMARY KEY (realm, id)
);
CREATE INDEX delivery_due ON delivery (realm, due);

-- Who does a piece of background work just now: an optimisation, never a lock.
CREATE TABLE lease (
    realm BIGINT NOT NULL,
    name TEXT NOT NULL,
    holder TEXT NOT NULL,
    expires BIGINT NOT NULL,
    PRIMARY KEY (realm, name)
);
