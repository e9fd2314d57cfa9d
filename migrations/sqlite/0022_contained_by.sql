-- Who contained them: `usr_…` for a person, else the SPIFFE ID or the user of the server's machine.
ALTER TABLE containment ADD COLUMN actor TEXT;
