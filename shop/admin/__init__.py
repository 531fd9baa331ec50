"""The catalogue and the coupons for staff. Importing the modules registers what is in them."""

from shop.admin import coupons, grants, plans, products

__all__ = ["coupons", "grants", "plans", "products"]
