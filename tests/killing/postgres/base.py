from config.postgres import base
from tests.killing.points import around


class DatabaseWrapper(base.DatabaseWrapper):
    def _commit(self) -> None:
        with around("commit"):
            super()._commit()
