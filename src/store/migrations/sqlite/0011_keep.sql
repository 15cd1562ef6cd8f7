-- What is old is deleted: how it is found, and what refers to it.

-- When a subject was last written to. What was known before counts from now on.
ALTER TABLE subject ADD COLUMN seen_at INTEGER NOT NULL DEFAULT 0;
UPDATE subject SET seen_at = unixepoch() * 1000;

-- Bodies that can still be deleted. The length is known without reading the body.
CREATE INDEX delivery_body ON delivery (received_at, id) WHERE length(body) > 0;

-- Whoever deletes a row looks for those that refer to it.
CREATE INDEX ledger_event ON ledger (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX timer_delivery ON timer (delivery_id);
CREATE INDEX conversation_thread ON conversation (thread);
