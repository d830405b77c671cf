-- A relay: what the Stock object told it last, which is what its viewers know.
CREATE TABLE told (
  one           INTEGER PRIMARY KEY CHECK (one = 1),
  following     INTEGER NOT NULL,          -- which time of following it was, as the Stock object counts them
  version       INTEGER NOT NULL,
  message       TEXT                       -- JSON of durable::client::Told, as viewers read it; NULL once that time is over
);
