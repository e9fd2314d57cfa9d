-- Signing authorities of each realm, the number of its bundle, and the bundles of other trust domains.

-- One slot each; the private key is sealed, and goes when the authority stops signing.
CREATE TABLE authority (
    realm BIGINT NOT NULL,
    id TEXT NOT NULL,
    purpose TEXT NOT NULL CHECK (purpose IN ('x509', 'jwt-svid')),
    state TEXT NOT NULL CHECK (state IN ('prepared', 'active', 'old', 'revoked')),
    tainted BIGINT NOT NULL CHECK (tainted IN (0, 1)),
    manager TEXT NOT NULL CHECK (manager IN ('disk', 'memory')),
    algorithm TEXT NOT NULL,
    public_key BYTEA NOT NULL,
    sealed_key BYTEA,
    key_version BIGINT NOT NULL CHECK (key_version > 0),
    certificate BYTEA,
    upstream BYTEA,
    not_before BIGINT NOT NULL,
    not_after BIGINT NOT NULL,
    published_sequence BIGINT NOT NULL,
    prepared_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (realm, id)
);
-- Two replicas that prepare or activate at once: one of them wins.
CREATE UNIQUE INDEX authority_one_prepared ON authority (realm, purpose) WHERE state = 'prepared';
CREATE UNIQUE INDEX authority_one_active ON authority (realm, purpose) WHERE state = 'active';

-- The number of the realm's own bundle: rises with every change of its content, also after a restore.
CREATE TABLE bundle_head (
    realm BIGINT NOT NULL,
    sequence BIGINT NOT NULL CHECK (sequence > 0),
    history BIGINT NOT NULL,
    PRIMARY KEY (realm)
);

-- What is known of other trust domains.
CREATE TABLE foreign_bundle (
    realm BIGINT NOT NULL,
    trust_domain TEXT NOT NULL,
    document TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (realm, trust_domain)
);
