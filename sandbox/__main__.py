"""``python -m sandbox``: bring the ledger up to date and serve."""

import argparse
import os
import socket
import sys

os.environ["DJANGO_SETTINGS_MODULE"] = "sandbox.settings"

import django
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection, connections

from .serving import Server


def check_port_is_free(host: str, port: int) -> None:
    """:raises SystemExit: with one clear sentence if something listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SystemExit(
                f"The sandbox cannot listen on {host}:{port}: {error.strerror}. "
                "Choose another with --port or SANDBOX_PORT."
            ) from None


def open_ledger() -> None:
    """
    Make the ledger, or bring it up to date.

    :raises SystemExit: with one clear sentence if this sandbox cannot use the file.
    """
    settings.SANDBOX_LEDGER.parent.mkdir(parents=True, exist_ok=True)
    try:
        call_command("migrate", verbosity=0)
        usable = is_of_our_shape()
    except DatabaseError as error:
        raise SystemExit(
            f"The ledger {settings.SANDBOX_LEDGER} cannot be opened: {error}. "
            "Move it away, or choose another with SANDBOX_LEDGER."
        ) from None
    if not usable:
        raise SystemExit(
            f"The ledger {settings.SANDBOX_LEDGER} was written by another version of the sandbox, "
            "which kept its books in another shape. Move it away with its -wal and -shm files "
            "(a new one is made), or choose another with SANDBOX_LEDGER."
        )
    connections.close_all()


def is_of_our_shape() -> bool:
    """Whether the file has exactly the columns of our models."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        for model in apps.get_app_config("sandbox").get_models():
            if model._meta.db_table not in tables:
                return False
            ours = {(field.column, field.null) for field in model._meta.concrete_fields}
            columns = connection.introspection.get_table_description(cursor, model._meta.db_table)
            if {(column.name, bool(column.null_ok)) for column in columns} != ours:
                return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=settings.SANDBOX_PORT)
    options = parser.parse_args()
    check_port_is_free(options.host, options.port)
    django.setup()
    open_ledger()
    sys.stdout.write(
        f"KakaoPay sandbox  http://{options.host}:{options.port}/\n"
        f"  secret key      {settings.SANDBOX_SECRET_KEY}\n"
        f"  ledger          {settings.SANDBOX_LEDGER}\n"
    )
    sys.stdout.flush()
    Server(f"{options.host}:{options.port}").run()


main()
