-- Endpoints by requests, with their share of all requests.
-- title: Busy endpoints
-- needs: uri
-- param: top count 10 Number of rows to show.
-- columns: method text, template_uri text, requests integer, share_pct double, status429 integer

-- httpMethod is NULL if the rows are not split by method. An endpoint is then only the URI.
SELECT
  httpMethod AS method,
  templateUri AS template_uri,
  sum(requests) AS requests,
  round(100E0 * sum(requests) / nullif(sum(sum(requests)) OVER (), 0), 2) AS share_pct,
  sum(status429) AS status429
FROM usage
WHERE
  granularity = :granularity
  AND service = :service
  AND "grouping" = :grouping
  AND date BETWEEN :from AND :to
GROUP BY httpMethod, templateUri
ORDER BY requests DESC NULLS LAST, template_uri NULLS LAST, method NULLS LAST
LIMIT :top
