SELECT device_type, impressions, clicks, CAST(clicks AS DOUBLE) / NULLIF(impressions, 0) AS ctr
FROM (
    SELECT device_type, SUM(impressions) AS impressions, SUM(clicks) AS clicks
    FROM report_audience
    GROUP BY device_type
) shown
ORDER BY ctr DESC NULLS LAST, impressions DESC, device_type
LIMIT 5
