-- The change log and its heads, commits to look up, one-shot deliveries and leases.

-- The end of each realm's change log. A restored database is a new history; the numbers go on.
CREATE TABLE change_head (
    realm INTEGER NOT NULL PRIMARY KEY,
    history INTEGER NOT NULL CHECK (history > 0),
    seq INTEGER NOT NULL CHECK (seq >= 0),
    rights_seq INTEGER NOT NULL CHECK (rights_seq >= 0 AND rights_seq <= seq)
) STRICT;

-- What changed, numbered without gaps in the order of the commits; not the new state.
CREATE TABLE change (
    realm INTEGER NOT NULL,
    history INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    event BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (realm, history, seq)
) STRICT;

-- The ids of commits, for callers whose answer was lost (PostgreSQL only; kept alike).
CREATE TABLE write_done (
    realm INTEGER NOT NULL,
    id TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (realm, id)
) STRICT;

-- Addressed one-shot effects, written in the transaction that causes them.
CREATE TABLE delivery (
    realm INTEGER NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    body BLOB NOT NULL,
    made INTEGER NOT NULL,
    due INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    last_error TEXT,
    PRIMARY KEY (realm, id)
) STRICT;
CREATE INDEX delivery_due ON delivery (realm, due);

-- Who does a piece of background work just now: an optimisation, never a lock.
CREATE TABLE lease (
    realm INTEGER NOT NULL,
    name TEXT NOT NULL,
    holder TEXT NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (realm, name)
) STRICT;
