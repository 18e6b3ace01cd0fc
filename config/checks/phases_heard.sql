-- Days with games since anything was last heard of the phase, of the 7 before the working day.
SELECT
  '${phase}' AS subject,
  COUNTIF(newest.day IS NULL OR played.day > newest.day) AS value,
  CONCAT('last heard of for ', COALESCE(CAST(MAX(newest.day) AS STRING), 'none of these days')) AS note
FROM (
  SELECT DISTINCT game_date AS day
  FROM `nba_raw.v_nbac_schedule_latest` AS schedule
  WHERE game_date BETWEEN DATE_SUB(@working_day, INTERVAL 7 DAY) AND DATE_SUB(@working_day, INTERVAL 1 DAY)
    -- A postponed game is listed, or is final without scores. A game without a status is a game.
    AND NOT COALESCE(game_status = 3 AND (home_team_score IS NULL OR away_team_score IS NULL), FALSE)
    AND COALESCE(game_status_text, '') NOT IN ('Postponed', 'Cancelled')
    AND NOT EXISTS (
      SELECT 1 FROM `nba_orchestration.game_postponements` AS moved
      WHERE moved.original_date BETWEEN DATE_SUB(@working_day, INTERVAL 7 DAY) AND DATE_SUB(@working_day, INTERVAL 1 DAY)
        AND moved.original_date = schedule.game_date AND moved.game_id = schedule.game_id
    )
) AS played
CROSS JOIN (
  SELECT MAX(game_date) AS day
  FROM `${record}.v_phase_completions`
  WHERE game_date BETWEEN DATE_SUB(@working_day, INTERVAL 7 DAY) AND DATE_SUB(@working_day, INTERVAL 1 DAY)
    AND phase = '${phase}'
) AS newest
HAVING COUNT(*) > 0
