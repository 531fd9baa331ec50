"""
Orders by the thousand, as some years of business leave them: what the SQL of one batch is.

Each statement makes one table's rows from the temporary table ``made``, which holds one row for
each order.
"""

#: Their triggers sleep meanwhile, and the audit trail has nothing of it: else it takes thrice as
#: long. (``pgtrigger.ignore`` knows no parameters by name.)
TRACKED = (
    *("accounts_user", "orders_order", "orders_paymenttransaction", "orders_shipment"),
    *("orders_refund", "orders_refundrequest"),
)
SLEEP = (
    "SET CONSTRAINTS ALL IMMEDIATE",
    *(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in TRACKED),
)
WAKE = tuple(f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in TRACKED)

#: The goods on sale, by turns, and who buys: one person for every eight orders.
PREPARE = (
    """
    CREATE TEMPORARY TABLE many_goods AS
    SELECT row_number() OVER (ORDER BY id) - 1 AS turn, count(*) OVER () AS kinds,
           id, name_ko AS name, price, is_tax_free, needs_delivery
    FROM shop_product WHERE is_active
    """,
    """
    INSERT INTO accounts_user (id, password, first_name, last_name, is_superuser, is_staff,
                               is_active, date_joined, email, name, phone, public_id)
    SELECT %(first_user)s + g, '!', '', '', false, false, true, now() - %(span)s,
           'buyer' || %(first_user)s + g || '@many.example',
           (%(surnames)s::text[])[1 + g %% array_length(%(surnames)s::text[], 1)] ||
           (%(names)s::text[])[1 + g / 7 %% array_length(%(names)s::text[], 1)],
           '+8210' || lpad((20000000 + %(first_user)s + g)::text, 8, '0'),
           md5('buyer' || %(first_user)s + g)
    FROM generate_series(1, %(people)s) AS g
    """,
)

#: Business grows, and has its better days and hours: that is ``ago``, in days. ``fate`` is how the
#: payment went, ``parcel`` how far the goods are. Of the last orders, by ``left_over`` (how many
#: were placed later), a few wait for somebody: that is what a desk is for.
MADE = """
CREATE TEMPORARY TABLE made AS
WITH drawn AS MATERIALIZED (
    SELECT g, %(orders)s - g AS left_over, random() AS luck, random() AS second, random() AS speed,
           random() AS wish, random() AS whim, 1 + floor(random() * 2.6)::int AS q1,
           floor(random() * kinds)::int AS t1, floor(random() * (kinds - 1))::int AS t2, kinds,
           %(first_user)s + 1 + floor(power(random(), 2) * %(people)s)::int AS user_id,
           days * (1 - power(g::float / %(orders)s, 0.7)) AS ago
    FROM generate_series(%(start)s, %(end)s) AS g,
         (SELECT max(kinds)::int AS kinds FROM many_goods) AS goods,
         (SELECT extract(epoch FROM %(span)s)::float / 86400 AS days) AS period
), timed AS (
    SELECT *, now() - interval '1 day' * greatest(
        ago + 0.45 * sin(2 * pi() * ago / 7) + 0.07 * sin(2 * pi() * ago) - random() / 50,
        left_over * 0.00005) AS placed_at
    FROM drawn
), aged AS (
    SELECT *, now() - placed_at AS age FROM timed
), fated AS (
    SELECT *, CASE
        WHEN left_over IN (37, 61, 83) AND age > interval '15 minutes' THEN 'UNCONFIRMED'
        WHEN age < interval '15 minutes' THEN 'PENDING'
        WHEN left_over IN (150, 420) THEN 'PAID'
        WHEN luck < 0.10 THEN 'EXPIRED'
        WHEN luck < 0.16 THEN 'QUIT'
        WHEN luck < 0.18 THEN 'DECLINED'
        WHEN luck < 0.21 THEN 'REFUNDED'
        WHEN luck < 0.23 AND q1 > 1 THEN 'PARTIALLY_REFUNDED'
        ELSE 'PAID' END AS fate
    FROM aged
), bought AS (
    SELECT fated.*, %(first_order)s + g AS id,
           one.id AS p1, one.name AS n1, one.price AS u1, one.is_tax_free AS f1,
           one.needs_delivery AS d1, one.price * q1 AS a1,
           two.id AS p2, two.name AS n2, coalesce(two.price, 0) AS a2, two.is_tax_free AS f2,
           two.needs_delivery AS d2,
           one.needs_delivery OR coalesce(two.needs_delivery, false) AS delivered
    FROM fated
    JOIN many_goods AS one ON one.turn = t1
    LEFT JOIN many_goods AS two ON two.turn = (t1 + 1 + t2) %% fated.kinds AND second < 0.45
), priced AS (
    SELECT *, CASE WHEN f1 THEN 0 ELSE round(a1 / 11.0)::int END AS v1,
           CASE WHEN f2 IS NOT FALSE THEN 0 ELSE round(a2 / 11.0)::int END AS v2,
           CASE WHEN delivered AND a1 + a2 < %(free_from)s THEN %(fee)s ELSE 0 END AS shipping
    FROM bought
)
SELECT *, a1 + a2 AS subtotal, a1 + a2 + shipping AS total, round(shipping / 11.0)::int AS vs,
       CASE WHEN f1 THEN a1 ELSE 0 END + CASE WHEN f2 THEN a2 ELSE 0 END AS tax_free,
       fate IN ('PAID', 'REFUNDED', 'PARTIALLY_REFUNDED') AS is_paid,
       placed_at + interval '40 seconds' + speed * interval '5 minutes' AS paid_at,
       least(placed_at + interval '1 hour' + speed * interval '6 days', now()) AS refunded_at,
       CASE
           WHEN NOT fate IN ('PAID', 'REFUNDED', 'PARTIALLY_REFUNDED') THEN 'PREPARING'
           WHEN fate = 'REFUNDED' AND whim < 0.6 THEN 'PREPARING'
           WHEN fate <> 'PAID' AND age > interval '2 days' THEN 'DELIVERED'
           WHEN age < interval '1 day' THEN 'PREPARING'
           WHEN age < interval '2 days' AND whim < 0.5 THEN 'PREPARING'
           WHEN age < interval '9 days' AND whim < 0.01 THEN 'PREPARING'
           WHEN age < interval '4 days' OR whim < 0.0005 THEN 'SHIPPED'
           ELSE 'DELIVERED' END AS parcel
FROM priced
"""

FILL = (
    """
    INSERT INTO orders_order (
        id, number, status, cancel_reason, title, pieces, name, phone, email, language, subtotal,
        discount, coupon_name, points, shipping, total, tax_free, vat, shipping_points,
        shipping_vat, earns, points_refunded, is_shipping_refunded, is_to_ship, consented_at,
        placed_at, deadline_at, paid_at, canceled_at, user_id, kind, is_recurring)
    SELECT made.id, to_char(placed_at AT TIME ZONE 'Asia/Seoul', 'YYYYMMDD') || '-' || (
               SELECT string_agg(substr(%(alphabet)s,
                                 1 + (scattered >> 5 * place & 31)::int, 1), '' ORDER BY place)
               FROM generate_series(0, 7) AS place),
           CASE WHEN is_paid THEN fate WHEN fate IN ('PENDING', 'UNCONFIRMED') THEN 'PENDING'
                ELSE 'CANCELED' END,
           CASE WHEN fate IN ('EXPIRED', 'QUIT', 'DECLINED') THEN fate ELSE '' END,
           CASE WHEN p2 IS NULL THEN n1 ELSE n1 || ' 외 1건' END, q1 + (p2 IS NOT NULL)::int,
           buyer.name, buyer.phone, buyer.email, 'ko', subtotal, 0, '', 0, shipping, total,
           tax_free, v1 + v2 + vs, 0, vs, 0, 0, fate = 'REFUNDED' AND shipping > 0,
           delivered AND parcel = 'PREPARING' AND fate IN ('PENDING', 'UNCONFIRMED', 'PAID'),
           placed_at, placed_at, placed_at + interval '15 minutes',
           CASE WHEN is_paid THEN paid_at END,
           CASE WHEN fate IN ('EXPIRED', 'QUIT', 'DECLINED') THEN placed_at + interval '15 minutes'
           END, user_id, 'SALE', false
    FROM made JOIN accounts_user AS buyer ON buyer.id = user_id,
         LATERAL (SELECT (made.id * 662607015::bigint) & 1099511627775 AS scattered) AS mixed
    """,
    """
    INSERT INTO orders_orderline (order_id, product_id, name, unit_price, quantity, refunded,
                                  is_tax_free, needs_delivery, discount, points, vat)
    SELECT id, p1, n1, u1, q1, CASE fate WHEN 'REFUNDED' THEN q1 WHEN 'PARTIALLY_REFUNDED' THEN 1
           ELSE 0 END, f1, d1, 0, 0, v1 FROM made
    UNION ALL
    SELECT id, p2, n2, a2, 1, (fate = 'REFUNDED')::int, f2, d2, 0, 0, v2
    FROM made WHERE p2 IS NOT NULL
    """,
    """
    INSERT INTO orders_shipment (order_id, recipient, phone, postcode, line1, line2, memo, status,
                                 carrier, tracking_number, shipped_at, delivered_at, has_left)
    SELECT made.id, buyer.name, buyer.phone, '04524', '서울 중구 세종대로 ' || 1 + made.id %% 300,
           1 + made.id %% 20 || '층', '', parcel,
           CASE WHEN parcel = 'PREPARING' THEN '' ELSE 'CJ' END,
           CASE WHEN parcel = 'PREPARING' THEN '' ELSE lpad((600000000000 + made.id)::text, 12, '0')
           END,
           CASE WHEN parcel <> 'PREPARING' THEN least(paid_at + interval '1 day', now()) END,
           CASE WHEN parcel = 'DELIVERED' THEN least(paid_at + interval '3 days', now()) END,
           parcel <> 'PREPARING'
    FROM made JOIN accounts_user AS buyer ON buyer.id = user_id WHERE delivered
    """,
    """
    INSERT INTO orders_paymenttransaction (
        public_id, order_id, kind, status, gateway, amount, tax_free, vat, tid, aid, pg_token,
        redirect_urls, method, card_issuer, installment_months, reason_code, reason, buyer_message,
        is_external, created_at, ready_at, returned_at, sent_at, approved_at, settled_at, asks)
    SELECT gen_random_uuid(), id, 'CHARGE',
           CASE fate WHEN 'PENDING' THEN 'READY' WHEN 'UNCONFIRMED' THEN 'PROCESSING'
                WHEN 'EXPIRED' THEN 'CANCELED' WHEN 'QUIT' THEN 'CANCELED'
                WHEN 'DECLINED' THEN 'FAILED' ELSE 'SUCCEEDED' END,
           'kakaopay', total, tax_free, v1 + v2 + vs, 'T' || substr(md5('t' || id), 1, 19),
           CASE WHEN is_paid THEN 'A' || substr(md5('a' || id), 1, 19) ELSE '' END, '', '{}',
           CASE WHEN NOT is_paid THEN '' WHEN wish < 0.75 THEN 'CARD' ELSE 'MONEY' END,
           CASE WHEN is_paid AND wish < 0.75 THEN '신한' ELSE '' END,
           CASE WHEN is_paid AND wish < 0.75 THEN 0 END,
           CASE fate WHEN 'DECLINED' THEN '-780' WHEN 'EXPIRED' THEN 'expired'
                WHEN 'QUIT' THEN 'quit' ELSE '' END, '', '', false, placed_at,
           placed_at + interval '1 second',
           CASE WHEN is_paid OR fate IN ('UNCONFIRMED', 'DECLINED') THEN paid_at END,
           CASE WHEN is_paid OR fate IN ('UNCONFIRMED', 'DECLINED') THEN paid_at END,
           CASE WHEN is_paid THEN paid_at END,
           CASE WHEN is_paid OR fate IN ('DECLINED', 'EXPIRED', 'QUIT') THEN paid_at END, 0
    FROM made
    """,
    """
    WITH back AS (
        SELECT *, CASE fate WHEN 'REFUNDED' THEN total ELSE u1 END AS won,
               CASE WHEN fate = 'REFUNDED' THEN tax_free WHEN f1 THEN u1 ELSE 0 END AS free_won,
               CASE WHEN fate = 'REFUNDED' THEN v1 + v2 + vs ELSE v1 / q1 END AS vat_won
        FROM made WHERE fate IN ('REFUNDED', 'PARTIALLY_REFUNDED')
    ), moved AS (
        INSERT INTO orders_paymenttransaction (
            public_id, order_id, kind, status, gateway, amount, tax_free, vat, tid, aid, pg_token,
            redirect_urls, method, card_issuer, reason_code, reason, buyer_message, refundable,
            is_external, created_at, sent_at, approved_at, settled_at, asks)
        SELECT gen_random_uuid(), id, 'REFUND', 'SUCCEEDED', 'kakaopay', won, free_won, vat_won,
               'T' || substr(md5('t' || id), 1, 19), 'A' || substr(md5('r' || id), 1, 19), '',
               '{}', '', '', '', '', '', total, false, refunded_at, refunded_at, refunded_at,
               refunded_at, 0
        FROM back RETURNING id, order_id
    ), decided AS (
        INSERT INTO orders_refund (
            order_id, transaction_id, kind, status, reason, amount, tax_free, vat, points,
            returns_coupon, with_delivery, restock, decision, created_at, settled_at,
            requested_by_id)
        SELECT back.id, moved.id, CASE fate WHEN 'REFUNDED' THEN 'FULL' ELSE 'LINES' END,
               'SUCCEEDED', %(reason)s, won, free_won, vat_won, 0, false,
               fate = 'REFUNDED' AND shipping > 0, parcel = 'PREPARING', '', refunded_at,
               refunded_at, %(staff)s::bigint
        FROM back JOIN moved ON moved.order_id = back.id RETURNING id, order_id, kind
    )
    INSERT INTO orders_refundline (refund_id, line_id, quantity)
    SELECT decided.id, line.id, line.refunded
    FROM decided JOIN orders_orderline AS line USING (order_id) WHERE line.refunded > 0
    """,
    """
    INSERT INTO orders_refund (
        order_id, kind, status, reason, amount, tax_free, vat, points, returns_coupon,
        with_delivery, restock, decision, created_at, requested_by_id)
    SELECT id, 'FULL', 'WAITING', %(reason)s, total, tax_free, v1 + v2 + vs, 0, false,
           shipping > 0, true, '', greatest(paid_at, now() - interval '3 hours'), %(staff)s::bigint
    FROM made WHERE left_over IN (150, 420)
    """,
    """
    INSERT INTO orders_refundrequest (order_id, status, reason, answer, created_at, decided_by_id,
                                      decided_at)
    SELECT id, CASE WHEN is_new THEN 'OPEN' ELSE 'DECLINED' END, %(reason)s,
           CASE WHEN is_new THEN '' ELSE '사용한 상품은 환불해 드릴 수 없습니다.' END,
           least(paid_at + interval '4 days', now()),
           CASE WHEN is_new THEN NULL ELSE %(staff)s::bigint END,
           CASE WHEN is_new THEN NULL ELSE paid_at + interval '5 days' END
    FROM made, LATERAL (SELECT age < interval '12 days' AS is_new) AS either
    WHERE fate = 'PAID' AND parcel = 'DELIVERED' AND delivered AND age > interval '4 days'
      AND wish < 0.004
    """,
    """
    INSERT INTO checkout_mail (order_id, event, nth, created_at, claimed_at, sent_at, problem)
    SELECT id, 'PAID', 1, paid_at, paid_at, paid_at, '' FROM made WHERE is_paid
    UNION ALL
    SELECT id, 'SHIPPED', 1, paid_at, paid_at, paid_at, ''
    FROM made WHERE delivered AND parcel <> 'PREPARING'
    """,
    "DROP TABLE made",
)

#: Ids were given by hand, so that the next row gets the one after.
FINISH = (
    "SELECT setval(pg_get_serial_sequence('accounts_user', 'id'), max(id)) FROM accounts_user",
    "SELECT setval(pg_get_serial_sequence('orders_order', 'id'), max(id)) FROM orders_order",
    "DROP TABLE many_goods",
    "ANALYZE",
)

SURNAMES = ["김", "이", "박", "최", "정", "강", "조", "윤", "장", "임", "한", "오", "서"]
NAMES = [
    *("민준", "서연", "도윤", "하은", "시우", "지우", "예준", "서윤", "하준", "지유", "주원"),
    *("채원", "지호", "수아", "현우", "다은", "준서", "예은", "건우", "소율", "하나", "두리"),
]
REASON = "생각했던 색과 달라요"
