"""Keeping what must not be read from a copy of the database: encrypted with SECRET_KEY."""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.crypto import salted_hmac


def sealed(text: str, *, purpose: str) -> str:
    """``text``, encrypted. Each ``purpose`` has a key of its own."""
    return cipher(purpose).encrypt(text.encode()).decode()


def opened(sealed_text: str, *, purpose: str) -> str:
    """
    What ``sealed`` was given.

    :raises ImproperlyConfigured: if the SECRET_KEY that encrypted it is not known.
    """
    try:
        return cipher(purpose).decrypt(sealed_text.encode()).decode()
    except InvalidToken as error:
        raise ImproperlyConfigured(
            f"A {purpose} was encrypted with another SECRET_KEY. Put the old key into "
            "SECRET_KEY_FALLBACKS."
        ) from error


def cipher(purpose: str) -> MultiFernet:
    """Encrypts with SECRET_KEY; decrypts what any of SECRET_KEY_FALLBACKS has encrypted, too."""
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(key_from(secret, purpose)) for secret in secrets])


def key_from(secret: str, purpose: str) -> bytes:
    digest = salted_hmac(purpose, "encryption", secret=secret, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest)
