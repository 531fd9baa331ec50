"""The shop's own settings, on a database that exists already, and mortal."""

import json

from config.settings import *  # noqa: F403
from config.settings import DATABASES, MIDDLEWARE, env

DATABASES["default"] |= {
    "ENGINE": "tests.killing.postgres",
    "OPTIONS": {},
    **json.loads(env("KILLING_DATABASE")),
}
ROOT_URLCONF = "tests.killing.urls"
MIDDLEWARE.insert(0, "tests.killing.middleware.KillingMiddleware")
