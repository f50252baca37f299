SELECT location, impressions, clicks, CAST(clicks AS DOUBLE) / NULLIF(impressions, 0) AS ctr
FROM (
    SELECT location, SUM(impressions) AS impressions, SUM(clicks) AS clicks
    FROM report_audience
    GROUP BY location
) shown
ORDER BY ctr DESC NULLS LAST, impressions DESC, location
LIMIT 5
