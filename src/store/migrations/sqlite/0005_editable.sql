-- The team whose first message begins a conversation, if a later one of that team may take its place: not where it holds a
-- note, or several updates.
ALTER TABLE conversation ADD COLUMN editable TEXT;
