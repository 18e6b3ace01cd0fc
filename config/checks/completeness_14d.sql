-- Percent of the days with games, of the 14 before the working day, on which the table has rows.
SELECT
  '${processor}' AS subject,
  SAFE_DIVIDE(COUNT(filled.day), COUNT(*)) * 100 AS value,
  CONCAT('rows on ', CAST(COUNT(*) AS STRING), ' days with games') AS expected,
  CONCAT('none on ', STRING_AGG(CASE WHEN filled.day IS NULL THEN CAST(played.day AS STRING) END, ', ')) AS note
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
  SELECT DISTINCT `${date_column}` AS day
  FROM `${table}`
  WHERE `${date_column}` BETWEEN DATE_SUB(@working_day, INTERVAL 14 DAY) AND DATE_SUB(@working_day, INTERVAL 1 DAY)
) AS filled
ON filled.day = played.day
HAVING COUNT(*) > 0
