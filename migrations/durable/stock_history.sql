-- What sellers move by hand, the history that they read, and one person's share of a sale.
ALTER TABLE level ADD COLUMN received INTEGER NOT NULL DEFAULT 0;   -- units ever received, less those written off
ALTER TABLE level ADD COLUMN committed INTEGER NOT NULL DEFAULT 0;  -- units that are with buyers

ALTER TABLE reservation ADD COLUMN share TEXT;                      -- JSON of domain::stock::PersonLimit; NULL outside sales
ALTER TABLE reservation ADD COLUMN person TEXT;                     -- sale and person of `share`
ALTER TABLE reservation ADD COLUMN bought INTEGER NOT NULL DEFAULT 0;          -- units that are with the buyer
ALTER TABLE reservation ADD COLUMN taken_back TEXT NOT NULL DEFAULT '[]';      -- JSON array of domain::stock::StockLine
CREATE INDEX reservation_held ON reservation (state) WHERE state = 'held';
CREATE INDEX reservation_person ON reservation (person) WHERE person IS NOT NULL;

-- Nothing that was sold before is forgotten.
UPDATE level SET committed = (
  SELECT coalesce(sum(line.value ->> 'quantity'), 0)
  FROM reservation, json_each(reservation.lines) AS line
  WHERE reservation.state = 'committed' AND line.value ->> 'sku' = level.sku
);
UPDATE level SET received = on_hand + committed;

CREATE TABLE movement (
  movement_id   TEXT PRIMARY KEY,
  command       TEXT NOT NULL              -- JSON of domain::stock::Command, as it was asked for
);
-- Only ever added to.
CREATE TABLE history (
  seq           INTEGER PRIMARY KEY AUTOINCREMENT,
  at            INTEGER NOT NULL,          -- ms since 1970
  sku           TEXT NOT NULL,
  change        INTEGER NOT NULL,          -- units more, or less if negative
  on_hand       INTEGER NOT NULL,          -- after it
  cause         TEXT NOT NULL,
  reference     TEXT NOT NULL,             -- the checkout or the movement
  actor         TEXT NOT NULL,
  reason        TEXT NOT NULL
);
CREATE TRIGGER history_stays BEFORE UPDATE ON history BEGIN SELECT raise(ABORT, 'history is only added to'); END;
CREATE TRIGGER history_is_kept BEFORE DELETE ON history BEGIN SELECT raise(ABORT, 'history is only added to'); END;
