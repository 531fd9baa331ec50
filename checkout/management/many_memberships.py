"""
Memberships by the thousand, each bought a month before it is charged next: the SQL of one batch.

Each statement makes one table's rows from the temporary table ``joined``, which holds one row for
each membership.
"""

#: Their triggers sleep meanwhile, and the audit trail has nothing of it, as in ``many_orders``.
TRACKED = (
    *("accounts_user", "accounts_billingagreement", "accounts_membership", "orders_order"),
    "orders_paymenttransaction",
)
SLEEP = (
    "SET CONSTRAINTS ALL IMMEDIATE",
    *(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in TRACKED),
)
WAKE = tuple(f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in TRACKED)

#: Their periods end at midnight in Seoul, ``first`` days from today or on one of the ``days`` from
#: then on, by turns.
JOINED = """
CREATE TEMPORARY TABLE joined ON COMMIT DROP AS
WITH numbered AS (
    SELECT sealed_sid, g, (date_trunc('day', now() AT TIME ZONE 'Asia/Seoul')
               + make_interval(days => %(first)s + (g %% %(days)s)::int)) AS ends_on,
           nextval(pg_get_serial_sequence('accounts_user', 'id')) AS user_id,
           nextval(pg_get_serial_sequence('accounts_billingagreement', 'id')) AS agreement_id,
           nextval(pg_get_serial_sequence('accounts_membership', 'id')) AS id,
           nextval(pg_get_serial_sequence('accounts_membershipperiod', 'id')) AS period_id,
           nextval(pg_get_serial_sequence('orders_order', 'id')) AS order_id
    FROM unnest(%(sealed_sids)s::text[]) WITH ORDINALITY AS given (sealed_sid, g)
)
SELECT *, 'member' || user_id || '@many.example' AS email,
       (%(surnames)s::text[])[1 + user_id %% array_length(%(surnames)s::text[], 1)] ||
       (%(names)s::text[])[1 + user_id / 7 %% array_length(%(names)s::text[], 1)] AS name,
       '+8210' || lpad((30000000 + user_id)::text, 8, '0') AS phone,
       ends_on AT TIME ZONE 'Asia/Seoul' AS paid_until,
       (ends_on - interval '1 month' + interval '14 hours') AT TIME ZONE 'Asia/Seoul' AS bought_at
FROM numbered
"""

FILL = (
    """
    INSERT INTO accounts_user (id, password, first_name, last_name, is_superuser, is_staff,
                               is_active, date_joined, email, name, phone, public_id)
    SELECT user_id, '!', '', '', false, false, true, bought_at, email, name, phone,
           md5('member' || user_id)
    FROM joined
    """,
    """
    INSERT INTO accounts_billingagreement (
        id, user_id, gateway, sealed_sid, status, method, card_issuer, created_at, used_at,
        last_charged_at, checked_at, ended_by)
    SELECT agreement_id, user_id, 'kakaopay', sealed_sid, 'ACTIVE', 'CARD', '신한', bought_at,
           bought_at, bought_at, bought_at, ''
    FROM joined
    """,
    """
    INSERT INTO accounts_membership (
        id, user_id, plan_id, price, agreement_id, language, renews, day, started_at, paid_until,
        lasts_until, charge_at, attempts, refusal)
    SELECT id, user_id, %(plan)s, %(price)s, agreement_id, 'ko', true, extract(day FROM ends_on),
           bought_at, paid_until, paid_until + %(grace)s, paid_until + %(charged_after)s, 0, ''
    FROM joined
    """,
    """
    INSERT INTO accounts_membershipperiod (id, membership_id, number, plan_id, price, is_trial,
                                           status, starts_at, ends_at, paid_at)
    SELECT period_id, id, 1, %(plan)s, %(price)s, false, 'PAID', bought_at, paid_until, bought_at
    FROM joined
    """,
    """
    INSERT INTO orders_order (
        id, number, status, cancel_reason, title, pieces, name, phone, email, language, subtotal,
        discount, coupon_name, points, shipping, total, tax_free, vat, shipping_points,
        shipping_vat, earns, points_refunded, is_shipping_refunded, is_to_ship, consented_at,
        placed_at, deadline_at, paid_at, user_id, kind, is_recurring, plan_id, period_id)
    SELECT order_id, to_char(bought_at AT TIME ZONE 'Asia/Seoul', 'YYYYMMDD') || '-' || (
               SELECT string_agg(substr(%(alphabet)s,
                                 1 + (scattered >> 5 * place & 31)::int, 1), '' ORDER BY place)
               FROM generate_series(0, 7) AS place),
           'PAID', '', %(title)s, 1, name, phone, email, 'ko', %(price)s, 0, '', 0, 0, %(price)s,
           0, %(vat)s, 0, 0, 0, 0, false, false, bought_at, bought_at,
           bought_at + interval '15 minutes', bought_at, user_id, 'SALE', true, %(plan)s, period_id
    FROM joined,
         LATERAL (SELECT (order_id * 662607015::bigint) & 1099511627775 AS scattered) AS mixed
    """,
    """
    INSERT INTO orders_orderline (order_id, product_id, name, unit_price, quantity, refunded,
                                  is_tax_free, needs_delivery, discount, points, vat)
    SELECT order_id, %(product)s, %(title)s, %(price)s, 1, 0, false, false, 0, 0, %(vat)s
    FROM joined
    """,
    """
    INSERT INTO orders_paymenttransaction (
        public_id, order_id, kind, status, gateway, amount, tax_free, vat, tid, aid, agreement_id,
        pg_token, redirect_urls, method, card_issuer, installment_months, reason_code, reason,
        buyer_message, is_external, created_at, ready_at, returned_at, sent_at, approved_at,
        settled_at, asks)
    SELECT gen_random_uuid(), order_id, 'CHARGE', 'SUCCEEDED', 'kakaopay', %(price)s, 0, %(vat)s,
           'T' || substr(md5('t' || order_id), 1, 19), 'A' || substr(md5('a' || order_id), 1, 19),
           agreement_id, '', '{}', 'CARD', '신한', 0, '', '', '', false, bought_at, bought_at,
           bought_at, bought_at, bought_at, bought_at, 0
    FROM joined
    """,
)
