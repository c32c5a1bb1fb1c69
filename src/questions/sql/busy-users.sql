-- Users by requests made on their behalf, with their share of these requests.
-- title: Busy users
-- needs: user
-- param: top count 10 Number of rows to show.
-- columns: user_id text, requests integer, share_pct double, status429 integer, active_:periods integer

SELECT
  userId AS user_id,
  sum(requests) AS requests,
  round(100E0 * sum(requests) / nullif(sum(sum(requests)) OVER (), 0), 2) AS share_pct,
  sum(status429) AS status429,
  count(DISTINCT CASE WHEN requests > 0 THEN date END) AS active_:periods
FROM usage
WHERE
  granularity = :granularity
  AND service = :service
  AND "grouping" = :grouping
  AND date BETWEEN :from AND :to
  AND userId <> ''
GROUP BY userId
ORDER BY requests DESC NULLS LAST, user_id
LIMIT :top
