-- Percent of those who played, on the night before the working day, whose minutes are not known.
SELECT
  SAFE_DIVIDE(COUNTIF(minutes_played IS NULL), COUNT(*)) * 100 AS value,
  CONCAT('of ', CAST(COUNT(*) AS STRING), ' who played') AS note
FROM `nba_analytics.player_game_summary`
WHERE game_date = DATE_SUB(@working_day, INTERVAL 1 DAY) AND NOT COALESCE(is_dnp, FALSE)
