-- Rows of player statistics beyond the first for the same game and player, of the night before the working day.
SELECT COALESCE(SUM(listed - 1), 0) AS value
FROM (
  SELECT game_id, player_lookup, COUNT(*) AS listed
  FROM `nba_analytics.player_game_summary`
  WHERE game_date = DATE_SUB(@working_day, INTERVAL 1 DAY)
  GROUP BY game_id, player_lookup
) AS listings
