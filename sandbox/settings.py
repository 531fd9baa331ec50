"""Settings of the sandbox. Each may be given in the environment; none has to be."""

from pathlib import Path

import environ

env = environ.Env()
ROOT = Path(__file__).resolve().parent.parent

# -- What a developer may want to change -------------------------------------------------------

# Port to listen on, when `--port` does not say.
SANDBOX_PORT = env.int("SANDBOX_PORT", 8001)
# The ledger: one SQLite file. Its folder is made when missing.
SANDBOX_LEDGER = Path(env("SANDBOX_LEDGER", default=str(ROOT / "var" / "sandbox.sqlite3")))
# The one secret key that is let in: 40 upper-case letters and digits.
SANDBOX_SECRET_KEY = env("SANDBOX_SECRET_KEY", default="DEVSANDBOX" + "1".zfill(30))
# Merchant ids that take one payment, that issue a SID, and that issue one in the sequential flow.
SANDBOX_ONE_TIME_CIDS = env.list("SANDBOX_ONE_TIME_CIDS", default=["TC0ONETIME"])
SANDBOX_RECURRING_CIDS = env.list("SANDBOX_RECURRING_CIDS", default=["TCSUBSCRIP"])
SANDBOX_SEQUENTIAL_CIDS = env.list("SANDBOX_SEQUENTIAL_CIDS", default=["TCSEQUENCE"])
# 24 characters. When set, every request must carry it as `cid_secret`; otherwise it is ignored.
SANDBOX_CID_SECRET = env("SANDBOX_CID_SECRET", default="")
# Seconds a payment may wait for its approval, counted from ready.
SANDBOX_WINDOW_SECONDS = env.int("SANDBOX_WINDOW_SECONDS", 900)
# Origins the approval, cancel and fail URLs may be on. `*` stands for anything.
SANDBOX_DOMAINS = env.list(
    "SANDBOX_DOMAINS",
    default=[
        "http://localhost",
        "http://localhost:*",
        "http://127.0.0.1",
        "http://127.0.0.1:*",
    ],
)
# The address payment pages are under, for a phone to scan. Empty: the address ready was called at.
SANDBOX_URL = env("SANDBOX_URL", default="").rstrip("/")
# True: an entry of payment_action_details holds only the five keys a real test answer held.
SANDBOX_MINIMAL_DETAILS = env.bool("SANDBOX_MINIMAL_DETAILS", False)
# Charges a SID may make in one calendar month (KST) before -752.
SANDBOX_MONTHLY_LIMIT = env.int("SANDBOX_MONTHLY_LIMIT", 100)
# The refusal of a cancel whose cancel_available_amount is out of date. KakaoPay's own is not known.
SANDBOX_STALE_CANCEL_CODE = env.int("SANDBOX_STALE_CANCEL_CODE", -722)
# Threads that answer at the same time. A stalled answer holds one.
SANDBOX_THREADS = env.int("SANDBOX_THREADS", 32)

# -- Django ------------------------------------------------------------------------------------

DEBUG = False
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024  # thousands of planted subscriptions at once
ALLOWED_HOSTS = ["*"]
APPEND_SLASH = False
ROOT_URLCONF = "sandbox.urls"
INSTALLED_APPS = ["django.contrib.staticfiles", "django.contrib.humanize", "sandbox"]
MIDDLEWARE = ["whitenoise.middleware.WhiteNoiseMiddleware"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": SANDBOX_LEDGER,
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "ko"
USE_TZ = True
TIME_ZONE = "Asia/Seoul"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"django.request": {"handlers": ["console"], "level": "ERROR", "propagate": False}},
}
