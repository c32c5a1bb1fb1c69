-- Clients by requests, with their share of all requests.
-- title: Busy clients
-- needs: client
-- param: top count 10 Number of rows to show.
-- columns: client_id text, client_name text, requests integer, share_pct double, status429 integer, active_:periods integer

SELECT
  clientId AS client_id,
  max_by(clientName, CAST(date AS varchar) || clientName) FILTER (WHERE clientName IS NOT NULL) AS client_name,
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
GROUP BY clientId
ORDER BY requests DESC NULLS LAST, client_id NULLS LAST
LIMIT :top
