-- An Admission object: one sale's queue. No address is kept here, people are digests.
CREATE TABLE admission (
  one           INTEGER PRIMARY KEY CHECK (one = 1),
  body          TEXT NOT NULL,             -- JSON of domain::admission::Admission, which is small however many join
  unpublished   INTEGER NOT NULL DEFAULT 0 -- 1 until D1 knows the draw
);

-- Only added to, until a month after the sale, when all of it goes. The latest of a person counts; those who came before the draw are the list that it was drawn from.
CREATE TABLE place (
  number        INTEGER PRIMARY KEY,       -- counts those who joined from 0
  person_id     TEXT NOT NULL,
  late          INTEGER                    -- ms since 1970: when they are let in, for those who came after the draw
);

CREATE INDEX place_person ON place (person_id, number);

CREATE TABLE attempt (
  person_id     TEXT PRIMARY KEY,
  body          TEXT NOT NULL              -- JSON of domain::admission::Attempts
) WITHOUT ROWID;
