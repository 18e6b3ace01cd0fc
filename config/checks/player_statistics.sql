-- Percent of the games of the night before the working day that have player statistics.
-- Schedule and statistics give a game different ids; both know its date and its two teams.
SELECT
  SAFE_DIVIDE(COUNT(DISTINCT played.game), COUNT(DISTINCT scheduled.game)) * 100 AS value,
  CONCAT(CAST(COUNT(DISTINCT scheduled.game) AS STRING), ' games') AS expected
FROM (
  SELECT CONCAT(away_team_tricode, '@', home_team_tricode) AS game
  FROM `nba_raw.v_nbac_schedule_latest` AS schedule
  WHERE game_date = DATE_SUB(@working_day, INTERVAL 1 DAY)
    -- A postponed game is listed, or is final without scores. A game without a status is a game.
    AND NOT COALESCE(game_status = 3 AND (home_team_score IS NULL OR away_team_score IS NULL), FALSE)
    AND COALESCE(game_status_text, '') NOT IN ('Postponed', 'Cancelled')
    AND NOT EXISTS (
      SELECT 1 FROM `nba_orchestration.game_postponements` AS moved
      WHERE moved.original_date = DATE_SUB(@working_day, INTERVAL 1 DAY) AND moved.game_id = schedule.game_id
    )
) AS scheduled
LEFT JOIN (
  SELECT DISTINCT CONCAT(SPLIT(game_id, '_')[SAFE_OFFSET(1)], '@', SPLIT(game_id, '_')[SAFE_OFFSET(2)]) AS game
  FROM `nba_analytics.player_game_summary`
  WHERE game_date = DATE_SUB(@working_day, INTERVAL 1 DAY)
) AS played
ON played.game = scheduled.game
