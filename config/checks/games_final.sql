-- Percent of the date's games, postponed ones aside, that are over: final, with both scores.
SELECT SAFE_DIVIDE(COUNTIF(game_status = 3), COUNT(*)) * 100 AS value
FROM (
  SELECT game_status
  FROM `nba_raw.v_nbac_schedule_latest` AS schedule
  WHERE game_date = @date
    -- A postponed game is listed, or is final without scores. A game without a status is a game.
    AND NOT COALESCE(game_status = 3 AND (home_team_score IS NULL OR away_team_score IS NULL), FALSE)
    AND COALESCE(game_status_text, '') NOT IN ('Postponed', 'Cancelled')
    AND NOT EXISTS (
      SELECT 1 FROM `nba_orchestration.game_postponements` AS moved
      WHERE moved.original_date = @date AND moved.game_id = schedule.game_id
    )
) AS games
