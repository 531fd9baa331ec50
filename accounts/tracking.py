"""
The audit trail: tables in which the database itself notes each state that a row has had.

A trigger writes them, so that no change goes by, whoever makes it and however; another keeps them
from being altered. ``pgh_context`` tells which member of staff made a change, and from where
(``config.audit``); it is empty where a shopper or a worker did.
"""

from typing import Any

import pghistory
from django.db import models

#: For what staff may also create and delete.
WHOLE_LIFE = (pghistory.InsertEvent, pghistory.UpdateEvent, pghistory.DeleteEvent)
#: For what is never altered: somebody joined a group, or left it.
JOINED_OR_LEFT = (pghistory.InsertEvent, pghistory.DeleteEvent)


def events_of(
    model: type[models.Model],
    *,
    index: str,
    fields: list[str] | None = None,
    row: tuple[str, ...] = (),
    when: tuple[type[pghistory.RowEvent], ...] = (pghistory.InsertEvent, pghistory.UpdateEvent),
    **more: Any,
) -> Any:
    """
    The base of a model whose rows are the states of ``model``'s rows.

    :param index: its name; it finds what staff did, newest first. A second one, ``…_of``, finds the
        states of one row.
    :param fields: what is noted; a change of anything else is not.
    :param row: the columns that name the row, if it is no row of one table.
    """
    by_staff = models.Index(
        fields=["-pgh_created_at"], name=index, condition=models.Q(pgh_context__isnull=False)
    )
    indexes = [by_staff]
    if "obj_field" not in more:
        more["obj_field"] = pghistory.ObjForeignKey(related_name="+", db_index=False)
        row = ("pgh_obj",)
    if row:
        indexes.append(models.Index(fields=[*row, "-pgh_id"], name=f"{index}_of"))
    trackers = [tracker() for tracker in when]
    meta = {"indexes": indexes, "default_permissions": ()}
    return pghistory.create_event_model(model, *trackers, fields=fields, meta=meta, **more)
