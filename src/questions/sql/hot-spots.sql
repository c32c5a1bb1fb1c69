-- Pairs of client and endpoint, by rate-limited requests and then by requests.
-- title: Hot spots
-- needs: client, uri
-- param: top count 10 Number of rows to show.
-- columns: client_id text, client_name text, method text, template_uri text, status429 integer, requests integer, limited_pct double

-- httpMethod is NULL if the rows are not split by method. An endpoint is then only the URI.
SELECT
  clientId AS client_id,
  max_by(clientName, CAST(date AS varchar) || clientName) FILTER (WHERE clientName IS NOT NULL) AS client_name,
  httpMethod AS method,
  templateUri AS template_uri,
  sum(status429) AS status429,
  sum(requests) AS requests,
  round(100E0 * sum(status429) / nullif(sum(requests), 0), 2) AS limited_pct
FROM usage
WHERE
  granularity = :granularity
  AND service = :service
  AND "grouping" = :grouping
  AND date BETWEEN :from AND :to
GROUP BY clientId, httpMethod, templateUri
ORDER BY
  status429 DESC NULLS LAST,
  requests DESC NULLS LAST,
  client_id NULLS LAST,
  template_uri NULLS LAST,
  method NULLS LAST
LIMIT :top
