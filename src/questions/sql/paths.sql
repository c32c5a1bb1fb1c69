-- Clients that call an endpoint, with their share of its requests.
-- title: Paths and their clients
-- needs: client, endpoint
-- param: min_requests integer 1 Leave out clients with fewer requests to the endpoint.
-- columns: template_uri text, client_id text, client_name text, requests integer, share_pct double, last_:period date

WITH pairs AS (
  SELECT
    templateUri AS template_uri,
    clientId AS client_id,
    max_by(clientName, CAST(date AS varchar) || clientName) FILTER (WHERE clientName IS NOT NULL) AS client_name,
    sum(requests) AS requests,
    max(CASE WHEN requests > 0 THEN date END) AS last_period
  FROM usage
  WHERE
    granularity = :granularity
    AND service = :service
    AND "grouping" = :grouping
    AND date BETWEEN :from AND :to
  GROUP BY templateUri, clientId
),
shares AS (
  SELECT
    *,
    sum(requests) OVER (PARTITION BY template_uri) AS of_endpoint
  FROM pairs
)
SELECT
  template_uri,
  client_id,
  client_name,
  requests,
  round(100E0 * requests / nullif(of_endpoint, 0), 2) AS share_pct,
  last_period AS last_:period
FROM shares
WHERE requests >= :min_requests
ORDER BY of_endpoint DESC NULLS LAST, template_uri NULLS LAST, requests DESC NULLS LAST, client_id NULLS LAST
