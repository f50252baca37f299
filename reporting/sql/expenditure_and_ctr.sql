SELECT
    campaign_id,
    category,
    impressions,
    clicks,
    CAST(clicks AS DOUBLE) / NULLIF(impressions, 0) AS ctr,
    charged AS expenditure
FROM report_campaigns
WHERE impressions + clicks + acquisitions > 0 OR charged > 0
ORDER BY expenditure DESC, ctr DESC NULLS LAST, campaign_id
