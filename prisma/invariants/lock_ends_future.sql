-- invariant: Locks end after they were recorded
-- severity: error
-- expect: none
-- key: id
-- description: The rule of the constraint lock_ends_future. A permanent lock has no end.
SELECT "id", "walletId", "lockEndsAt", "createdAt"
FROM "GovernanceLock"
WHERE "lockEndsAt" <= "createdAt";
