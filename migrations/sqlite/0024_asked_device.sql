-- The key that a person asked to enrol with, until the device has its SVID for it.
ALTER TABLE device ADD COLUMN asked_key BLOB;
