-- Registration entries: who shows all the selectors, under the parent, is the SPIFFE ID.

CREATE TABLE entry (
    realm INTEGER NOT NULL,
    id TEXT NOT NULL,
    number TEXT NOT NULL,
    revision INTEGER NOT NULL CHECK (revision >= 0),
    created_at INTEGER NOT NULL,
    spiffe_id TEXT NOT NULL,
    parent_id TEXT NOT NULL,
    -- JSON array of `type:value`, sorted.
    selectors TEXT NOT NULL,
    -- SHA-256 over parent, SPIFFE ID and selectors: no two entries say the same.
    likeness BLOB NOT NULL,
    x509_svid_ttl INTEGER,
    jwt_svid_ttl INTEGER,
    -- JSON array of trust domains, sorted; null for none.
    federates_with TEXT,
    admin INTEGER NOT NULL CHECK (admin IN (0, 1)),
    downstream INTEGER NOT NULL CHECK (downstream IN (0, 1)),
    expires_at INTEGER,
    -- JSON array, in the order given; null for none.
    dns_names TEXT,
    store_svid INTEGER NOT NULL CHECK (store_svid IN (0, 1)),
    hint TEXT,
    disable_x509_svid_prefetch INTEGER NOT NULL CHECK (disable_x509_svid_prefetch IN (0, 1)),
    jwt_svid_include_jti INTEGER NOT NULL CHECK (jwt_svid_include_jti IN (0, 1)),
    PRIMARY KEY (realm, id)
) STRICT;
CREATE UNIQUE INDEX entry_likeness ON entry (realm, likeness);
CREATE INDEX entry_expires_at ON entry (realm, expires_at) WHERE expires_at IS NOT NULL;
