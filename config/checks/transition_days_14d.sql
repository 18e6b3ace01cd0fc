-- Percent of the days with games, of the 14 before the working day, for which the transition was ever triggered.
SELECT
  '${transition}' AS subject,
  SAFE_DIVIDE(COUNT(triggered.day), COUNT(*)) * 100 AS value,
  CONCAT('triggered for ', CAST(COUNT(*) AS STRING), ' days with games') AS expected,
  CONCAT('not for ', STRING_AGG(CASE WHEN triggered.day IS NULL THEN CAST(played.day AS STRING) END, ', ')) AS note
FROM (
  SELECT DISTINCT game_date AS day
  FROM `nba_raw.v_nbac_schedule_latest` AS schedule
  WHERE game_date BETWEEN DATE_SUB(@working_day, INTERVAL 14 DAY) AND DATE_SUB(@working_day, INTERVAL 1 DAY)
    -- A postponed game is listed, or is final without scores. A game without a status is a game.
    AND NOT COALESCE(game_status = 3 AND (home_team_score IS NULL OR away_team_score IS NULL), FALSE)
    AND COALESCE(game_status_text, '') NOT IN ('Postponed', 'Cancelled')
    AND NOT EXISTS (
      SELECT 1 FROM `nba_orchestration.game_postponements` AS moved
      WHERE moved.original_date BETWEEN DATE_SUB(@working_day, INTERVAL 14 DAY) AND DATE_SUB(@working_day, INTERVAL 1 DAY)
        AND moved.original_date = schedule.game_date AND moved.game_id = schedule.game_id
    )
) AS played
LEFT JOIN (
  SELECT DISTINCT game_date AS day
  FROM `${record}.v_phase_execution_log`
  WHERE game_date BETWEEN DATE_SUB(@working_day, INTERVAL 14 DAY) AND DATE_SUB(@working_day, INTERVAL 1 DAY)
    AND transition = '${transition}' AND decision IN ('trigger', 'observe')
) AS triggered
ON triggered.day = played.day
HAVING COUNT(*) > 0
