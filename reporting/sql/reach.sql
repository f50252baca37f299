-- How far a bill reaches into every campaign, to read the ledger as far.
SELECT campaign_id, event_seq, charged_ever, first_seq
FROM report_campaigns
WHERE event_seq > 0
