-- The same table as audience_by_user.sql, by whom the ad was aimed at instead of who saw it.
CREATE TEMPORARY TABLE report_audience AS
SELECT
    COALESCE(NULLIF(TRIM(target_age_range), ''), 'unknown') AS age_group,
    COALESCE(NULLIF(TRIM(target_location), ''), 'unknown') AS location,
    COALESCE(NULLIF(TRIM(target_gender), ''), 'unknown') AS gender,
    COALESCE(NULLIF(TRIM(target_income_bucket), ''), 'unknown') AS income_bucket,
    COALESCE(NULLIF(TRIM(target_device_type), ''), 'unknown') AS device_type,
    impressions,
    clicks
FROM (
    SELECT
        f.target_age_range,
        f.target_location,
        f.target_gender,
        f.target_income_bucket,
        f.target_device_type,
        SUM(f.`view`) AS impressions,
        SUM(f.click) AS clicks
    FROM user_feedback f
    JOIN report_campaigns c ON f.campaign_id = c.campaign_id
    WHERE f.event_seq <= c.event_seq AND f.`timestamp` >= {start} AND f.`timestamp` < {end}
    GROUP BY
        f.target_age_range,
        f.target_location,
        f.target_gender,
        f.target_income_bucket,
        f.target_device_type
) kinds
