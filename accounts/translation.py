"""Which columns exist once in each language."""

from modeltranslation.translator import TranslationOptions, register

from accounts.models import Plan


@register(Plan)
class PlanTranslation(TranslationOptions):
    fields = ["name"]
    required_languages = ["ko"]
