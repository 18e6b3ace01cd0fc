-- Percent of the players expected on the date whose features are clean.
SELECT
  SAFE_DIVIDE(COUNT(DISTINCT clean.player_lookup), COUNT(DISTINCT expected.player_lookup)) * 100 AS value,
  CONCAT(CAST(COUNT(DISTINCT expected.player_lookup) AS STRING), ' players') AS expected
FROM (
  SELECT player_lookup
  FROM `nba_analytics.upcoming_player_game_context`
  WHERE game_date = @date
) AS expected
LEFT JOIN (
  SELECT DISTINCT player_lookup
  FROM `nba_predictions.ml_feature_store_v2`
  WHERE game_date = @date AND is_quality_ready
) AS clean
ON clean.player_lookup = expected.player_lookup
