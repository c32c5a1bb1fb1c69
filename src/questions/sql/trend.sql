-- Requests over time by client, endpoint, method, user or platform, for those with the most requests.
-- title: Trend
-- param: by dimension client What to split the requests by.
-- param: top count 5 Number of clients, endpoints and so on to show.
-- columns: :period date, value text, name text, requests integer, share_pct double, status429 integer

-- A period without requests has a row with 0 if the lake covers it, so that a plot has no gaps.
WITH counts AS (
  SELECT
    date,
    :by AS value,
    max(:by_name) AS name,
    sum(requests) AS requests,
    sum(status429) AS status429
  FROM usage
  WHERE
    granularity = :granularity
    AND service = :service
    AND "grouping" = :grouping
    AND date BETWEEN :from AND :to
  GROUP BY date, :by
),
totals AS (
  SELECT
    *,
    sum(requests) OVER (PARTITION BY value) AS of_value,
    sum(requests) OVER (PARTITION BY date) AS of_date
  FROM counts
),
places AS (
  SELECT
    *,
    dense_rank() OVER (ORDER BY of_value DESC NULLS LAST, value NULLS LAST) AS place
  FROM totals
)
SELECT
  first_day AS :period,
  value,
  max_by(name, date) FILTER (WHERE name IS NOT NULL) AS name,
  coalesce(sum(requests) FILTER (WHERE date = first_day), 0) AS requests,
  coalesce(
    round(100E0 * sum(requests) FILTER (WHERE date = first_day) / nullif(max(of_date) FILTER (WHERE date = first_day), 0), 2),
    0E0
  ) AS share_pct,
  coalesce(sum(status429) FILTER (WHERE date = first_day), 0) AS status429
FROM places
CROSS JOIN :dates AS covered (first_day)
WHERE place <= :top
GROUP BY first_day, place, value
ORDER BY :period, place, value NULLS LAST
