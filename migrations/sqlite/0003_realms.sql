-- Realms and their host names; who holds which role; the policies of a realm's own.

-- All rows belong to realm 0. A trust domain, an issuer and a name lead to one realm each.
CREATE TABLE realm (
    realm INTEGER NOT NULL,
    id INTEGER NOT NULL CHECK (id >= 0),
    name TEXT NOT NULL,
    trust_domain TEXT NOT NULL,
    issuer TEXT NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (realm, id)
) STRICT;
CREATE UNIQUE INDEX realm_name ON realm (realm, name);
CREATE UNIQUE INDEX realm_trust_domain ON realm (realm, trust_domain);
CREATE UNIQUE INDEX realm_issuer ON realm (realm, issuer);

-- A host name chooses one realm.
CREATE TABLE realm_host (
    realm INTEGER NOT NULL,
    host TEXT NOT NULL,
    id INTEGER NOT NULL,
    PRIMARY KEY (realm, host)
) STRICT;
CREATE INDEX realm_host_id ON realm_host (realm, id);

-- One role given to one holder: a SPIFFE ID, or `uid:N` of the server's machine. Path and rights are a registrar's.
CREATE TABLE role_binding (
    realm INTEGER NOT NULL,
    name TEXT NOT NULL,
    holder TEXT NOT NULL,
    role TEXT NOT NULL,
    path TEXT,
    rights TEXT,
    created INTEGER NOT NULL,
    PRIMARY KEY (realm, name)
) STRICT;

-- Policy documents in Cedar, checked against the published schema before they are kept.
CREATE TABLE policy (
    realm INTEGER NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    updated INTEGER NOT NULL,
    PRIMARY KEY (realm, name)
) STRICT;
