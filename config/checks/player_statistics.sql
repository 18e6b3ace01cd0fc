-- Percent of the games of the night before the working day that have player statistics.
SELECT
  SAFE_DIVIDE(COUNT(DISTINCT played.game_id), COUNT(DISTINCT scheduled.game_id)) * 100 AS value,
  CONCAT(CAST(COUNT(DISTINCT scheduled.game_id) AS STRING), ' games') AS expected
FROM (
  SELECT game_id
  FROM `nba_raw.v_nbac_schedule_latest`
  WHERE game_date = DATE_SUB(@working_day, INTERVAL 1 DAY)
    AND (game_status_text IS NULL OR game_status_text NOT IN ('Postponed', 'Cancelled'))
) AS scheduled
LEFT JOIN (
  SELECT DISTINCT game_id
  FROM `nba_analytics.player_game_summary`
  WHERE game_date = DATE_SUB(@working_day, INTERVAL 1 DAY)
) AS played
ON played.game_id = scheduled.game_id
