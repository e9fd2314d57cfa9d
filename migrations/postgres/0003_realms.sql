-- Realms and their host names; who holds which role; the policies of a realm's own.

-- All rows belong to realm 0. A trust domain, an issuer and a name lead to one realm each.
CREATE TABLE realm (
    realm BIGINT NOT NULL,
    id BIGINT NOT NULL CHECK (id >= 0),
    name TEXT NOT NULL,
    trust_domain TEXT NOT NULL,
    issuer TEXT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (realm, id)
);
CREATE UNIQUE INDEX realm_name ON realm (realm, name);
CREATE UNIQUE INDEX realm_trust_domain ON realm (realm, trust_domain);
CREATE UNIQUE INDEX realm_issuer ON realm (realm, issuer);

-- A host name chooses one realm.
CREATE TABLE realm_host (
    realm BIGINT NOT NULL,
    host TEXT NOT NULL,
    id BIGINT NOT NULL,
    PRIMARY KEY (realm, host)
);
CREATE INDEX realm_host_id ON realm_host (realm, id);

-- One role given to one holder: a SPIFFE ID, or `uid:N` of the server's machine. Path and rights are a registrar's.
CREATE TABLE role_binding (
    realm BIGINT NOT NULL,
    name TEXT NOT NULL,
    holder TEXT NOT NULL,
    role TEXT NOT NULL,
    path TEXT,
    rights TEXT,
    created BIGINT NOT NULL,
    PRIMARY KEY (realm, name)
);

-- Policy documents in Cedar, checked against the published schema before they are kept.
CREATE TABLE policy (
    realm BIGINT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    updated BIGINT NOT NULL,
    PRIMARY KEY (realm, name)
);
