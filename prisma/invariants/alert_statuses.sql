-- invariant: Alerts per status
-- severity: error
-- expect: same
-- key: table_name
-- written: last_written_at
-- description: No alert is lost or changes its status or trigger time.
--   All statuses are one row. An alert that the application resolves leaves one status for another, and the status
--   it left would show a loss without a sign of who wrote.
SELECT
  'Alert' AS table_name,
  coalesce(sum(alert_count), 0) AS alert_count,
  jsonb_object_agg(
    "status",
    jsonb_build_object('count', alert_count, 'oldest_trigger', oldest_trigger, 'newest_trigger', newest_trigger)
  ) AS by_status,
  max(last_written_at) AS last_written_at
FROM (
  SELECT
    "status",
    count(*) AS alert_count,
    min("triggerAt") AS oldest_trigger,
    max("triggerAt") AS newest_trigger,
    max("updatedAt") AS last_written_at
  FROM "Alert"
  GROUP BY "status"
) AS per_status;
