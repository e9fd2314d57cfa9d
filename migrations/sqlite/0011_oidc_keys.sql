-- Keys of OpenID tokens: a further purpose, and one key a purpose and algorithm that signs.

-- SQLite changes no CHECK: the table is made anew.
CREATE TABLE authority_anew (
    realm INTEGER NOT NULL,
    id TEXT NOT NULL,
    purpose TEXT NOT NULL CHECK (purpose IN ('x509', 'jwt-svid', 'oidc')),
    state TEXT NOT NULL CHECK (state IN ('prepared', 'active', 'old', 'revoked')),
    tainted INTEGER NOT NULL CHECK (tainted IN (0, 1)),
    manager TEXT NOT NULL CHECK (manager IN ('disk', 'memory')),
    algorithm TEXT NOT NULL,
    public_key BLOB NOT NULL,
    sealed_key BLOB,
    key_version INTEGER NOT NULL CHECK (key_version > 0),
    certificate BLOB,
    upstream BLOB,
    not_before INTEGER NOT NULL,
    not_after INTEGER NOT NULL,
    published_sequence INTEGER NOT NULL,
    prepared_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (realm, id)
) STRICT;
INSERT INTO authority_anew (realm, id, purpose, state, tainted, manager, algorithm, public_key, sealed_key, key_version,
    certificate, upstream, not_before, not_after, published_sequence, prepared_at, changed_at)
SELECT realm, id, purpose, state, tainted, manager, algorithm, public_key, sealed_key, key_version,
    certificate, upstream, not_before, not_after, published_sequence, prepared_at, changed_at
FROM authority;
DROP TABLE authority;
ALTER TABLE authority_anew RENAME TO authority;
CREATE UNIQUE INDEX authority_one_prepared ON authority (realm, purpose, algorithm) WHERE state = 'prepared';
CREATE UNIQUE INDEX authority_one_active ON authority (realm, purpose, algorithm) WHERE state = 'active';
