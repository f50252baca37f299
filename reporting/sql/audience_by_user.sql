-- Impressions and clicks per kind of user, as the auction saw the user: grouped by the raw columns first, because
-- there are few kinds of users and many events, and only then put into words.
CREATE TEMPORARY TABLE report_audience AS
SELECT
    CASE
        WHEN user_age IS NULL THEN 'unknown'
        ELSE CONCAT(CAST(user_age - user_age % 10 AS STRING), '-', CAST(user_age - user_age % 10 + 9 AS STRING))
    END AS age_group,
    COALESCE(NULLIF(CONCAT_WS(', ', NULLIF(TRIM(city), ''), NULLIF(TRIM(state), '')), ''), 'unknown') AS location,
    COALESCE(NULLIF(TRIM(user_gender), ''), 'unknown') AS gender,
    COALESCE(NULLIF(TRIM(user_income_bucket), ''), 'unknown') AS income_bucket,
    COALESCE(NULLIF(TRIM(device_type), ''), 'unknown') AS device_type,
    impressions,
    clicks
FROM (
    SELECT
        f.user_age,
        f.city,
        f.state,
        f.user_gender,
        f.user_income_bucket,
        f.device_type,
        SUM(f.`view`) AS impressions,
        SUM(f.click) AS clicks
    FROM user_feedback f
    JOIN report_campaigns c ON f.campaign_id = c.campaign_id
    WHERE f.event_seq <= c.event_seq AND f.`timestamp` >= {start} AND f.`timestamp` < {end}
    GROUP BY f.user_age, f.city, f.state, f.user_gender, f.user_income_bucket, f.device_type
) kinds
