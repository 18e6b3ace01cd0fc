-- Percent of the date's games, postponed ones aside, that have player statistics.
SELECT
  SAFE_DIVIDE(COUNT(DISTINCT played.game_id), COUNT(DISTINCT scheduled.game_id)) * 100 AS percent
FROM (
  SELECT game_id
  FROM `nba_raw.v_nbac_schedule_latest`
  WHERE game_date = @date
    -- A game without a status is a game: NOT IN alone would lose it.
    AND (game_status_text IS NULL OR game_status_text NOT IN ('Postponed', 'Cancelled'))
) AS scheduled
LEFT JOIN (
  SELECT DISTINCT game_id
  FROM `nba_analytics.player_game_summary`
  WHERE game_date = @date
) AS played
ON played.game_id = scheduled.game_id
