SELECT campaign_id, category, impressions, clicks, acquisitions, charged AS expenditure
FROM report_campaigns
WHERE charged > 0
ORDER BY expenditure DESC, campaign_id
LIMIT 10
