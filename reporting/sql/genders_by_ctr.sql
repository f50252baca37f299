SELECT gender, impressions, clicks, CAST(clicks AS DOUBLE) / NULLIF(impressions, 0) AS ctr
FROM (
    SELECT gender, SUM(impressions) AS impressions, SUM(clicks) AS clicks
    FROM report_audience
    GROUP BY gender
) shown
ORDER BY ctr DESC NULLS LAST, impressions DESC, gender
