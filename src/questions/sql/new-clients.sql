-- Clients with requests in the period, but none in the previous period of the same length.
-- title: New clients
-- needs: client
-- param: top count 10 Number of rows to show.
-- columns: client_id text, client_name text, first_:period date, requests integer, status429 integer

SELECT
  clientId AS client_id,
  max_by(clientName, CAST(date AS varchar) || clientName) FILTER (WHERE clientName IS NOT NULL) AS client_name,
  min(CASE WHEN requests > 0 THEN date END) AS first_:period,
  sum(requests) AS requests,
  sum(status429) AS status429
FROM usage
WHERE
  granularity = :granularity
  AND service = :service
  AND "grouping" = :grouping
  AND date BETWEEN :before AND :to
GROUP BY clientId
HAVING min(CASE WHEN requests > 0 THEN date END) >= :from
ORDER BY requests DESC, client_id NULLS LAST
LIMIT :top
