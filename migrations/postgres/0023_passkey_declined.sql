-- When they asked to be offered a passkey no more after a password: the offer is made while this is empty.
ALTER TABLE user_account ADD COLUMN passkey_declined_at BIGINT;
