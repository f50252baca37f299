SELECT campaign_id, category, status, budget, charged_ever, leftover
FROM report_campaigns
ORDER BY leftover DESC, campaign_id
LIMIT 10
