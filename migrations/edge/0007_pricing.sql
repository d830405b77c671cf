-- What the shop takes and gives beside its prices: taxes, delivery, promotions.

ALTER TABLE product ADD COLUMN weight_grams INTEGER NOT NULL DEFAULT 0; -- of one unit; 0: nobody knows

CREATE TABLE pricing_rule (
  kind     TEXT NOT NULL CHECK (kind IN ('tax', 'delivery', 'promotion')),
  position INTEGER NOT NULL,              -- rules are looked at in this order
  code     TEXT UNIQUE,                   -- of a promotion that has to be typed
  body     TEXT NOT NULL,                 -- JSON of domain::pricing::TaxRule, Zone or Promotion
  PRIMARY KEY (kind, position)
) STRICT, WITHOUT ROWID;
