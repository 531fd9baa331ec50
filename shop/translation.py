"""Which columns of the catalogue exist once in each language."""

from modeltranslation.translator import TranslationOptions, register

from shop.models import Category, Coupon, Product


@register(Category)
class CategoryTranslation(TranslationOptions):
    fields = ["name"]
    required_languages = ["ko"]


@register(Product)
class ProductTranslation(TranslationOptions):
    fields = ["name", "description"]
    required_languages = {"ko": ["name"]}


@register(Coupon)
class CouponTranslation(TranslationOptions):
    fields = ["name"]
    required_languages = ["ko"]
