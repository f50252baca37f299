-- An auction's first view is one row of the archive, so no request is listed twice.
SELECT request_id, campaign_id, category, bid_cpm, auction_cpm, bid_cpm - auction_cpm AS difference
FROM (
    SELECT f.request_id, f.campaign_id, c.category, f.bid_cpm, f.auction_cpm
    FROM user_feedback f
    JOIN report_campaigns c ON f.campaign_id = c.campaign_id
    WHERE f.`view` = 1 AND f.event_seq <= c.event_seq AND f.`timestamp` >= {start} AND f.`timestamp` < {end}
) auctions
ORDER BY difference DESC, request_id
LIMIT 10
