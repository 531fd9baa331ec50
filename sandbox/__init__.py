"""
A KakaoPay on your desk: the online payment API, the payer's pages and a durable ledger.

Start it with ``python -m sandbox``. It has its own settings and its own database and knows
nothing of any shop, so it serves every KakaoPay client alike.
"""
