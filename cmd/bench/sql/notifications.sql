-- The twin of one notification, for the next of the payments that were prepared for this client.
\set txn :base + :client_id * :share + :n
\set n :n + 1

