SELECT category, campaigns, impressions, clicks, expenditure
FROM (
    SELECT
        category,
        COUNT(*) AS campaigns,
        SUM(impressions) AS impressions,
        SUM(clicks) AS clicks,
        SUM(charged) AS expenditure
    FROM report_campaigns
    WHERE charged > 0
    GROUP BY category
) spending
ORDER BY expenditure DESC, category NULLS LAST
LIMIT 10
