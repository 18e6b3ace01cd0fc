-- Days with games since the table's newest partition, of the 14 before the working day.
SELECT
  '${processor}' AS subject,
  COUNTIF(newest.day IS NULL OR played.day > newest.day) AS value,
  CONCAT('newest partition ', COALESCE(CAST(MAX(newest.day) AS STRING), 'older than 14 days')) AS note
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
CROSS JOIN (
  SELECT MAX(`${date_column}`) AS day
  FROM `${table}`
  WHERE `${date_column}` BETWEEN DATE_SUB(@working_day, INTERVAL 14 DAY) AND DATE_SUB(@working_day, INTERVAL 1 DAY)
) AS newest
HAVING COUNT(*) > 0
