-- Requests per day, week or month, by status class.
-- title: Requests over time
-- columns: :period date, requests integer, status200 integer, status300 integer, status400 integer, status500 integer, status429 integer

-- A period without rows is omitted. The classes need not add up to requests: that is not documented.
SELECT
  date AS :period,
  sum(requests) AS requests,
  sum(status200) AS status200,
  sum(status300) AS status300,
  sum(status400) AS status400,
  sum(status500) AS status500,
  sum(status429) AS status429
FROM usage
WHERE
  granularity = :granularity
  AND service = :service
  AND "grouping" = :grouping
  AND date BETWEEN :from AND :to
GROUP BY date
ORDER BY :period
