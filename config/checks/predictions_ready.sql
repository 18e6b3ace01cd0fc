-- Percent of the players expected on the date who have a prediction.
SELECT
  SAFE_DIVIDE(COUNT(DISTINCT predicted.player_lookup), COUNT(DISTINCT expected.player_lookup)) * 100 AS value,
  CONCAT(CAST(COUNT(DISTINCT expected.player_lookup) AS STRING), ' players') AS expected
FROM (
  SELECT player_lookup
  FROM `nba_analytics.upcoming_player_game_context`
  WHERE game_date = @date
) AS expected
LEFT JOIN (
  SELECT DISTINCT player_lookup
  FROM `nba_predictions.player_prop_predictions`
  WHERE game_date = @date
) AS predicted
ON predicted.player_lookup = expected.player_lookup
