-- Every change of what can be bought has a number; each copy of the levels says which one it has.
ALTER TABLE meta ADD COLUMN version INTEGER NOT NULL DEFAULT 1;     -- what is true here
ALTER TABLE meta ADD COLUMN published INTEGER NOT NULL DEFAULT 1;   -- what D1 has
ALTER TABLE meta ADD COLUMN followings INTEGER NOT NULL DEFAULT 0;  -- how often a relay began to follow
UPDATE meta SET version = 1 + unpublished;
ALTER TABLE meta DROP COLUMN unpublished;

CREATE TABLE relay (
  relay         INTEGER PRIMARY KEY,
  following     INTEGER NOT NULL,          -- which one of those it is: what is said of an earlier one means nothing
  told          INTEGER NOT NULL,          -- the version that it has; 0 before the first
  viewers       INTEGER NOT NULL           -- when it was told that
);
