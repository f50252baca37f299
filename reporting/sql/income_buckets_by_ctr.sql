SELECT income_bucket, impressions, clicks, CAST(clicks AS DOUBLE) / NULLIF(impressions, 0) AS ctr
FROM (
    SELECT income_bucket, SUM(impressions) AS impressions, SUM(clicks) AS clicks
    FROM report_audience
    GROUP BY income_bucket
) shown
ORDER BY ctr DESC NULLS LAST, impressions DESC, income_bucket
