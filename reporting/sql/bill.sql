-- Every campaign that was displayed in the period; and those only clicked or charged in it, displayed before.
SELECT
    campaign_id,
    account,
    category,
    impressions,
    clicks,
    acquisitions,
    charged,
    uncharged,
    budget,
    leftover
FROM report_campaigns
WHERE impressions + clicks + acquisitions > 0 OR charged + uncharged > 0
ORDER BY charged DESC, campaign_id
