-- The device that a grant is bound to: found when the standing of the device changes.
ALTER TABLE oauth_grant ADD COLUMN device TEXT;

UPDATE oauth_grant SET device = document::json ->> 'device';

CREATE INDEX oauth_grant_device ON oauth_grant (realm, device) WHERE device IS NOT NULL;
