-- What hangs off a person or a device, found by an index that has it in the order in which it is asked for. An engine that
-- keeps no counts of its rows, as SQLite, takes the key that has the order otherwise, and walks through the whole realm.

CREATE INDEX session_user_id ON session (realm, user_id, id);
DROP INDEX session_of_user;

CREATE INDEX session_device_id ON session (realm, device, id) WHERE device IS NOT NULL;
DROP INDEX session_device;

CREATE INDEX user_identifier_of_user ON user_identifier (realm, user_id, kind, value);
DROP INDEX user_identifier_user;

CREATE INDEX user_group_member_of_user ON user_group_member (realm, user_id, group_id);
DROP INDEX user_group_member_user;

-- The owner of a device is known by the number alone.
CREATE INDEX user_account_number ON user_account (realm, number);
