-- Requests, rate-limited requests and status classes of each client, endpoint, method, user or platform over time.
-- title: Daily counts
-- saved: no
-- param: by dimension client What to split the requests by.
-- columns: :period date, value text, name text, requests integer, status200 integer, status300 integer, status400 integer, status500 integer, status429 integer

-- All of them, so that a chart or a program can work with the rows. A period without requests has no row.
SELECT
  date AS :period,
  :by AS value,
  max(:by_name) AS name,
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
GROUP BY date, :by
ORDER BY :period, requests DESC NULLS LAST, value NULLS LAST
