"""The catalogue and the coupons for staff. Importing the modules registers what is in them."""

from shop.admin import coupons, grants, products

__all__ = ["coupons", "grants", "products"]
