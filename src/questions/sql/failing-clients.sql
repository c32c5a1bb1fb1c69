-- Clients by the share of their requests that failed (HTTP 4xx and 5xx).
-- title: Failing clients
-- needs: client
-- param: top count 10 Number of rows to show.
-- param: min_requests integer 100 Leave out clients with fewer requests.
-- columns: client_id text, client_name text, failed_pct double, status400 integer, status500 integer, status429 integer, requests integer

-- status429 is not added: in legacy rows it is part of status400, and for jobs rows this is not documented.
SELECT
  clientId AS client_id,
  max_by(clientName, CAST(date AS varchar) || clientName) FILTER (WHERE clientName IS NOT NULL) AS client_name,
  round(100E0 * (sum(status400) + sum(status500)) / nullif(sum(requests), 0), 2) AS failed_pct,
  sum(status400) AS status400,
  sum(status500) AS status500,
  sum(status429) AS status429,
  sum(requests) AS requests
FROM usage
WHERE
  granularity = :granularity
  AND service = :service
  AND "grouping" = :grouping
  AND date BETWEEN :from AND :to
GROUP BY clientId
HAVING sum(requests) >= :min_requests AND sum(status400) + sum(status500) > 0
ORDER BY failed_pct DESC, requests DESC, client_id NULLS LAST
LIMIT :top
