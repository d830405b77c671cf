-- What search shows beyond the catalogue, what changed since the last time it looked, and what shoppers ask for.

ALTER TABLE product ADD COLUMN status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'hidden'));
ALTER TABLE product ADD COLUMN rating_hundredths INTEGER CHECK (rating_hundredths BETWEEN 100 AND 500); -- NULL: unrated
ALTER TABLE product ADD COLUMN rating_count INTEGER NOT NULL DEFAULT 0 CHECK (rating_count >= 0);
ALTER TABLE product ADD COLUMN units_sold INTEGER NOT NULL DEFAULT 0 CHECK (units_sold >= 0); -- opened by the import, then counted

-- 1 once a paid order's units are in units_sold.
ALTER TABLE order_summary ADD COLUMN units_counted INTEGER NOT NULL DEFAULT 0 CHECK (units_counted IN (0, 1));

-- The change feed of search. Only the triggers below write to it, so that nobody who changes a product can forget to.
-- A product that was deleted leaves its rows: they say that it has to go from the index too.
CREATE TABLE product_change (
  seq           INTEGER PRIMARY KEY AUTOINCREMENT,
  product_id    TEXT NOT NULL,
  changed_at    INTEGER NOT NULL           -- ms since 1970
) STRICT;

CREATE TRIGGER product_inserted AFTER INSERT ON product BEGIN
  INSERT INTO product_change (product_id, changed_at) VALUES (NEW.id, CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;

-- Not units_sold: best sellers are put in order by the next compile, and not by every sale.
CREATE TRIGGER product_updated AFTER UPDATE OF
  sku, slug, title, description, brand, category, price_minor, currency, attributes, pictures, codes, seller,
  status, rating_hundredths, rating_count ON product BEGIN
  INSERT INTO product_change (product_id, changed_at) VALUES (NEW.id, CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;

CREATE TRIGGER product_deleted AFTER DELETE ON product BEGIN
  INSERT INTO product_change (product_id, changed_at) VALUES (OLD.id, CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;

-- Cards show the lowest price.
CREATE TRIGGER variant_repriced AFTER UPDATE OF price_minor ON variant WHEN OLD.price_minor <> NEW.price_minor BEGIN
  INSERT INTO product_change (product_id, changed_at) VALUES (NEW.product_id, CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;

-- Cards count the last five units, so each of these is a change; of more than five they only say that there are some.
CREATE TRIGGER variant_stock_changed AFTER UPDATE OF available ON variant
  WHEN OLD.available <> NEW.available AND (
    OLD.available = 0 OR NEW.available = 0 OR
    (SELECT sum(available) FROM variant WHERE product_id = NEW.product_id) + min(OLD.available - NEW.available, 0) <= 5
  ) BEGIN
  INSERT INTO product_change (product_id, changed_at) VALUES (NEW.product_id, CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;

-- What shoppers ask for. No cart, no address, no session: a text and how often.
CREATE TABLE search_query (
  day           TEXT NOT NULL,             -- YYYY-MM-DD
  query         TEXT NOT NULL,             -- lower case, single spaces, at most 64 characters
  asked         INTEGER NOT NULL,
  found_nothing INTEGER NOT NULL,
  flushes       INTEGER NOT NULL,          -- batches that it came in: many isolates and times, or one visitor's key repeat
  PRIMARY KEY (day, query)
) STRICT, WITHOUT ROWID;
