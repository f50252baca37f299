-- What of the period only the summaries of retired days know.
SELECT MIN(`timestamp`), MAX(`timestamp`), SUM(events)
FROM retired
WHERE source = 'user_feedback' AND `timestamp` >= {start} AND `timestamp` < {end}
