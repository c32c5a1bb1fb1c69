-- Endpoints by requests that were rate limited (HTTP 429).
-- title: Noisy endpoints
-- needs: uri
-- param: top count 10 Number of rows to show.
-- columns: method text, template_uri text, status429 integer, requests integer, limited_pct double, limited_:periods integer

-- httpMethod is NULL if the rows are not split by method. An endpoint is then only the URI.
SELECT
  httpMethod AS method,
  templateUri AS template_uri,
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
GROUP BY httpMethod, templateUri
HAVING sum(status429) > 0
ORDER BY status429 DESC, requests DESC NULLS LAST, template_uri NULLS LAST, method NULLS LAST
LIMIT :top
