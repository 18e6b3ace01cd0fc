-- Percent of the date's games, postponed ones aside, that have player statistics.
-- Schedule and statistics give a game different ids; both know its date and its two teams.
SELECT
  SAFE_DIVIDE(COUNT(DISTINCT played.game), COUNT(DISTINCT scheduled.game)) * 100 AS percent
FROM (
  SELECT CONCAT(away_team_tricode, '@', home_team_tricode) AS game
  FROM `nba_raw.v_nbac_schedule_latest` AS schedule
  WHERE game_date = @date
    -- A postponed game is listed, or is final without scores. A game without a status is a game.
    AND NOT COALESCE(game_status = 3 AND (home_team_score IS NULL OR away_team_score IS NULL), FALSE)
    AND COALESCE(game_status_text, '') NOT IN ('Postponed', 'Cancelled')
    AND NOT EXISTS (
      SELECT 1 FROM `nba_orchestration.game_postponements` AS moved
      WHERE moved.original_date = @date AND moved.game_id = schedule.game_id
    )
) AS scheduled
LEFT JOIN (
  SELECT DISTINCT CONCAT(SPLIT(game_id, '_')[SAFE_OFFSET(1)], '@', SPLIT(game_id, '_')[SAFE_OFFSET(2)]) AS game
  FROM `nba_analytics.player_game_summary`
  WHERE game_date = @date
) AS played
ON played.game = scheduled.game
