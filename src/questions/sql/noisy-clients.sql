-- Clients by requests that were rate limited (HTTP 429).
-- title: Noisy clients
-- needs: client
-- param: top count 10 Number of rows to show.
-- columns: client_id text, client_name text, status429 integer, requests integer, limited_pct double, limited_:periods integer

SELECT
  clientId AS client_id,
  max_by(clientName, CAST(date AS varchar) || clientName) FILTER (WHERE clientName IS NOT NULL) AS client_name,
  sum(status429) AS status429,
  sum(requests) AS requests,
  round(100E0 * sum(status429) / nullif(sum(requests), 0), 2) AS limited_pct,
  count(DISTINCT CASE WHEN status429 > 0 THEN date END) AS limited_:periods
FROM usage
WHERE
  granularity = :granularity
  AND service = :service
  AND "grouping" = :grouping
  AND date BETWEEN :from AND :to
GROUP BY clientId
HAVING sum(status429) > 0
ORDER BY status429 DESC, requests DESC NULLS LAST, client_id NULLS LAST
LIMIT :top
