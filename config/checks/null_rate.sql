-- Percent of the rows of the night before the working day whose column is NULL.
SELECT
  '${table}.${column}' AS subject,
  SAFE_DIVIDE(COUNTIF(`${column}` IS NULL), COUNT(*)) * 100 AS value,
  CONCAT('of ', CAST(COUNT(*) AS STRING), ' rows') AS note
FROM `${table}`
WHERE `${date_column}` = DATE_SUB(@working_day, INTERVAL 1 DAY)
