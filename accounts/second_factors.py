"""What the shop does about people's second factors: take one away, when the device is lost."""

from allauth.mfa.models import Authenticator

from accounts.models import User


def reset(person: User) -> bool:
    """
    Forget a person's authenticator app and recovery codes: the password alone signs them in, and
    staff are led to set up a new factor. Their open sessions have shown none any more.

    :returns: whether there was anything to forget.
    """
    return bool(Authenticator.objects.filter(user=person).delete()[0])
