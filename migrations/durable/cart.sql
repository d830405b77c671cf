-- A Cart object. The cart is small and always read whole, so it is one row.
CREATE TABLE cart (
  one           INTEGER PRIMARY KEY CHECK (one = 1),
  body          TEXT NOT NULL              -- JSON of domain::cart::Cart
);
