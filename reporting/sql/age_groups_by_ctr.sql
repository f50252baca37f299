SELECT age_group, impressions, clicks, CAST(clicks AS DOUBLE) / NULLIF(impressions, 0) AS ctr
FROM (
    SELECT age_group, SUM(impressions) AS impressions, SUM(clicks) AS clicks
    FROM report_audience
    GROUP BY age_group
) shown
ORDER BY ctr DESC NULLS LAST, impressions DESC, age_group
LIMIT 5
