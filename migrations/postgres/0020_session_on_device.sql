-- The device that a browser proved it runs on, when its person signed in: found when the standing of the device changes.
ALTER TABLE session ADD COLUMN device TEXT;

CREATE INDEX session_device ON session (realm, device) WHERE device IS NOT NULL;

-- Whether a grant asks for the key of its device at every use. One that was given in such a session does not: its browser has
-- no key to show, and what is known of the device counts all the same.
ALTER TABLE oauth_grant ADD COLUMN device_key BIGINT NOT NULL DEFAULT 1;
