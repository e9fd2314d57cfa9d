-- The device that a sign-in, and what was granted in it, is bound to: found when the standing of the device changes.
ALTER TABLE session ADD COLUMN device TEXT;
ALTER TABLE oauth_grant ADD COLUMN device TEXT;

UPDATE oauth_grant SET device = document::json ->> 'device';

CREATE INDEX session_device ON session (realm, device) WHERE device IS NOT NULL;
CREATE INDEX oauth_grant_device ON oauth_grant (realm, device) WHERE device IS NOT NULL;
