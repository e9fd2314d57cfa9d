-- Keys of OpenID tokens: a further purpose, and one key a purpose and algorithm that signs.

ALTER TABLE authority DROP CONSTRAINT authority_purpose_check;
ALTER TABLE authority ADD CONSTRAINT authority_purpose_check CHECK (purpose IN ('x509', 'jwt-svid', 'oidc'));
DROP INDEX authority_one_prepared;
DROP INDEX authority_one_active;
CREATE UNIQUE INDEX authority_one_prepared ON authority (realm, purpose, algorithm) WHERE state = 'prepared';
CREATE UNIQUE INDEX authority_one_active ON authority (realm, purpose, algorithm) WHERE state = 'active';
