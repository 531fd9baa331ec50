"""Which columns of the catalogue exist once in each language."""

from modeltranslation.translator import TranslationOptions, register

from shop.models import Category, Product


@register(Category)
class CategoryTranslation(TranslationOptions):
    fields = ["name"]
    required_languages = ["ko"]


@register(Product)
class ProductTranslation(TranslationOptions):
    fields = ["name", "description"]
    required_languages = {"ko": ["name"]}
