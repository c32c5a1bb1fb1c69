-- Clients with requests in the previous period of the same length, but none in the period.
-- title: Silent clients
-- needs: client
-- param: top count 10 Number of rows to show.
-- columns: client_id text, client_name text, last_:period date, requests_before integer

SELECT
  clientId AS client_id,
  max_by(clientName, CAST(date AS varchar) || clientName) FILTER (WHERE clientName IS NOT NULL) AS client_name,
  max(CASE WHEN requests > 0 THEN date END) AS last_:period,
  sum(requests) AS requests_before
FROM usage
WHERE
  granularity = :granularity
  AND service = :service
  AND "grouping" = :grouping
  AND date BETWEEN :before AND :to
GROUP BY clientId
HAVING max(CASE WHEN requests > 0 THEN date END) < :from
ORDER BY requests_before DESC, client_id NULLS LAST
LIMIT :top
