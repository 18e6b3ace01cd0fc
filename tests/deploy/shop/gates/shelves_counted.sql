-- Percent of the shelves that were counted.
WITH counted AS (SELECT shelf FROM `shop_core.shelves` WHERE day = @date)
SELECT SAFE_DIVIDE(COUNT(DISTINCT counted.shelf), COUNT(DISTINCT planned.shelf)) * 100 AS percent
FROM shop_layout.shelves AS planned
LEFT JOIN counted ON counted.shelf = planned.shelf
WHERE planned.day = @date
