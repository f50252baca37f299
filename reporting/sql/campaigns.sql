-- One row per campaign of the ads snapshot. It fixes how far this report run reads: event_seq is the last event that
-- both the snapshot and the archive know, and charged_ever, leftover and every report stop there. Retired days count by
-- what is left of them: sums per campaign and quarter of an hour. first_seq is the first event of the period.
-- Events are summed up before they meet the campaigns that have none: an outer join would sort all of them.
CREATE TEMPORARY TABLE report_campaigns AS
SELECT
    every_one.*,
    CASE WHEN budget > charged_ever THEN budget - charged_ever ELSE 0 END AS leftover
FROM (
    SELECT
        ads.campaign_id,
        ads.account,
        ads.category,
        ads.status,
        ads.budget,
        COALESCE(sums.event_seq, 0) AS event_seq,
        COALESCE(sums.charged_ever, 0) AS charged_ever,
        sums.first_seq,
        COALESCE(sums.impressions, 0) AS impressions,
        COALESCE(sums.clicks, 0) AS clicks,
        COALESCE(sums.acquisitions, 0) AS acquisitions,
        COALESCE(sums.charged, 0) AS charged,
        COALESCE(sums.uncharged, 0) AS uncharged
    FROM ads
    LEFT JOIN (
        SELECT
            campaign_id,
            MAX(event_seq) AS event_seq,
            SUM(expenditure) AS charged_ever,
            MIN(CASE WHEN in_period = 1 THEN first_event_seq END) AS first_seq,
            SUM(CASE WHEN in_period = 1 THEN `view` ELSE 0 END) AS impressions,
            SUM(CASE WHEN in_period = 1 THEN click ELSE 0 END) AS clicks,
            SUM(CASE WHEN in_period = 1 THEN acquisition ELSE 0 END) AS acquisitions,
            SUM(CASE WHEN in_period = 1 THEN expenditure ELSE 0 END) AS charged,
            SUM(CASE WHEN in_period = 1 THEN uncharged ELSE 0 END) AS uncharged
        FROM (
            SELECT
                f.campaign_id,
                f.event_seq,
                f.first_event_seq,
                f.`view`,
                f.click,
                f.acquisition,
                f.expenditure,
                f.uncharged,
                CASE WHEN f.`timestamp` >= {start} AND f.`timestamp` < {end} THEN 1 ELSE 0 END AS in_period
            FROM (
                SELECT
                    campaign_id, event_seq, event_seq AS first_event_seq, `timestamp`, `view`, click, acquisition,
                    expenditure, uncharged
                FROM user_feedback
                WHERE dt NOT IN (SELECT dt FROM retired WHERE source = 'user_feedback')
                UNION ALL
                SELECT
                    campaign_id, event_seq, first_event_seq, `timestamp`, `view`, click, acquisition,
                    expenditure, uncharged
                FROM retired
                WHERE source = 'user_feedback'
            ) f
            JOIN ads a ON f.campaign_id = a.campaign_id
            WHERE f.event_seq <= a.event_seq
        ) events
        GROUP BY campaign_id
    ) sums ON sums.campaign_id = ads.campaign_id
) every_one
