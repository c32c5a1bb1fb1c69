-- Clients by the change in requests since the previous period of the same length.
-- title: Change
-- needs: client
-- param: top count 10 Number of rows to show.
-- columns: client_id text, client_name text, requests_before integer, requests integer, difference integer, change_pct double

WITH clients AS (
  SELECT
    clientId AS client_id,
    max_by(clientName, CAST(date AS varchar) || clientName) FILTER (WHERE clientName IS NOT NULL) AS client_name,
    coalesce(sum(requests) FILTER (WHERE date < :from), 0) AS requests_before,
    coalesce(sum(requests) FILTER (WHERE date >= :from), 0) AS requests
  FROM usage
  WHERE
    granularity = :granularity
    AND service = :service
    AND "grouping" = :grouping
    AND date BETWEEN :before AND :to
  GROUP BY clientId
)
SELECT
  client_id,
  client_name,
  requests_before,
  requests,
  requests - requests_before AS difference,
  round(100E0 * (requests - requests_before) / nullif(requests_before, 0), 2) AS change_pct
FROM clients
ORDER BY abs(requests - requests_before) DESC, client_id NULLS LAST
LIMIT :top
