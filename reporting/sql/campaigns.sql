-- One row per campaign of the ads snapshot. It fixes how far this report run reads: event_seq is the last event that
-- both the snapshot and the archive know, and charged_ever, leftover and every report stop there. Retired days count by
-- what is left of them: sums per campaign and quarter of an hour. first_seq is the first event of the period.
CREATE TEMPORARY TABLE report_campaigns AS
SELECT
    sums.*,
    CASE WHEN budget > charged_ever THEN budget - charged_ever ELSE 0 END AS leftover
FROM (
    SELECT
        campaign_id,
        MAX(account) AS account,
        MAX(category) AS category,
        MAX(status) AS status,
        MAX(budget) AS budget,
        MAX(CASE WHEN counted = 1 THEN event_seq ELSE 0 END) AS event_seq,
        SUM(CASE WHEN counted = 1 THEN expenditure ELSE 0 END) AS charged_ever,
        MIN(CASE WHEN in_period = 1 THEN first_event_seq END) AS first_seq,
        SUM(CASE WHEN in_period = 1 THEN `view` ELSE 0 END) AS impressions,
        SUM(CASE WHEN in_period = 1 THEN click ELSE 0 END) AS clicks,
        SUM(CASE WHEN in_period = 1 THEN acquisition ELSE 0 END) AS acquisitions,
        SUM(CASE WHEN in_period = 1 THEN expenditure ELSE 0 END) AS charged,
        SUM(CASE WHEN in_period = 1 THEN uncharged ELSE 0 END) AS uncharged
    FROM (
        SELECT
            a.campaign_id,
            a.account,
            a.category,
            a.status,
            a.budget,
            f.event_seq,
            f.first_event_seq,
            f.`view`,
            f.click,
            f.acquisition,
            f.expenditure,
            f.uncharged,
            CASE WHEN f.event_seq <= a.event_seq THEN 1 ELSE 0 END AS counted,
            CASE
                WHEN f.event_seq <= a.event_seq AND f.`timestamp` >= {start} AND f.`timestamp` < {end} THEN 1
                ELSE 0
            END AS in_period
        FROM ads a
        LEFT JOIN (
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
        ) f ON f.campaign_id = a.campaign_id
    ) events
    GROUP BY campaign_id
) sums
