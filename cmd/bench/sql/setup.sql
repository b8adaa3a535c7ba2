-- What the twin's scripts need besides the service's schema: identifiers that grow with time, as the service's do. With
-- random ones the twin would pay for scattered index pages that the service never touches.
CREATE FUNCTION bench_id() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6),
        52, 1), 53, 1), 'hex')::uuid
$$;

-- A payment's name at the provider, as long as the service's.
CREATE FUNCTION bench_txn() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT 'pay_' || left(replace(bench_id()::text, '-', ''), 26)
$$;
