-- Requests of each day, by outcome.
-- title: Requests by day

-- A day without rows is no row here. The classes need not add up to requests: that is not documented.
SELECT
  date AS day,
  sum(requests) AS requests,
  sum(status200) AS status200,
  sum(status300) AS status300,
  sum(status400) AS status400,
  sum(status500) AS status500,
  sum(status429) AS status429
FROM usage
WHERE
  granularity = 'day'
  AND service = :service
  AND "grouping" = :grouping
  AND date BETWEEN :from AND :to
GROUP BY date
ORDER BY day
