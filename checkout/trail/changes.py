"""What one line of an event table says: which row, and each column before and after."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.models import LogEntry
from django.db import models
from django.db.models import OuterRef, Subquery
from django.db.models.functions import JSONObject

from checkout.models import AdminLogEvent
from checkout.trail.words import NOTHING, label_of, said

#: What a row is called may have the names of these in it.
IN_NAMES = {"order", "content_type", "plan", "user"}


@dataclass(frozen=True, slots=True)
class Change:
    """One column of a row, in words; ``before`` is "–" where the row is new."""

    label: str
    before: str
    after: str


@dataclass(slots=True)
class Event:
    """A state that a row has had, and the one before it; {} if it is new, or was deleted."""

    subject: Any
    name: str
    context: dict[str, Any]
    fields: list[models.Field[Any, Any]]
    before: dict[str, Any]
    after: dict[str, Any]
    names: dict[str, dict[Any, str]]


@dataclass(frozen=True, slots=True)
class Kind:
    """
    A table of events, and the model whose rows they are about.

    :param about: the column that names the row.
    :param joins: of a row that is never altered, what joins what it is about: a group, a right.
    """

    model: type[models.Model]
    events: type[models.Model]
    about: str = "pgh_obj_id"
    joins: str = ""

    @property
    def fields(self) -> list[models.Field[Any, Any]]:
        """The columns that it keeps the states of."""
        own = [each for each in self.events._meta.concrete_fields if not is_bookkeeping(each.name)]
        return [each for each in own if each.name == self.joins] if self.joins else own

    def load(self, rows: list[int]) -> dict[int, Event]:
        """The events with these ids: one query, and one for each table that they point to."""
        events: Any = self.events._default_manager.filter(pk__in=rows)
        if not self.joins:
            states = JSONObject(**{each.attname: each.attname for each in self.fields})
            earlier = self.events._default_manager.filter(
                pgh_obj_id=OuterRef("pgh_obj_id"), pgh_id__lt=OuterRef("pgh_id")
            ).order_by("-pgh_id")
            events = events.annotate(earlier=Subquery(earlier.values(state=states)[:1]))
        events = list(events)
        names = self.names_in(events)
        return {event.pk: self.said_by(event, names) for event in events}

    def said_by(self, event: Any, names: dict[str, dict[Any, str]]) -> Event:
        state = {each.attname: getattr(event, each.attname) for each in self.fields}
        earlier = getattr(event, "earlier", None) or {}
        before, after = (state, {}) if event.pgh_label == "delete" else (earlier, state)
        return Event(
            subject=getattr(event, self.about),
            name=getattr(event, "name", None) or "",
            context=event.pgh_context or {},
            fields=self.fields,
            before=before,
            after=after,
            names=names,
        )

    def names_in(self, events: list[Any]) -> dict[str, dict[Any, str]]:
        """Of each foreign key among the columns, the names of the rows that it points to."""
        found = {}
        for each in self.fields:
            if each.is_relation:
                keys = {getattr(event, each.attname) for event in events}
                keys |= {
                    (getattr(event, "earlier", None) or {}).get(each.attname) for event in events
                }
                rows = rows_of(each.related_model, keys - {None})  # type: ignore[arg-type]
                found[each.attname] = {pk: str(row) for pk, row in rows.items()}
        return found


def is_bookkeeping(name: str) -> bool:
    """A name is none of the states either: it changes with the language of whoever saves."""
    return name in ("id", "name") or name.startswith("pgh_")


def changes_of(event: Event) -> list[Change]:
    """What differs; of a row that is new or was deleted, all that it held."""
    changes = []
    for each in event.fields:
        names = event.names.get(each.attname, {})
        before = said(each, event.before.get(each.attname), names) if event.before else NOTHING
        after = said(each, event.after.get(each.attname), names) if event.after else NOTHING
        if before != after:
            changes.append(Change(label_of(each), before, after))
    return changes


def titles(
    subjects: Iterable[tuple[type[models.Model], Any]],
) -> dict[tuple[type[models.Model], Any], str]:
    """How rows are called; who is gone is not among them. One query for each model."""
    keys: dict[type[models.Model], set[Any]] = defaultdict(set)
    for model, pk in subjects:
        keys[model].add(pk)
    return {
        (model, pk): str(row)
        for model, pks in keys.items()
        for pk, row in rows_of(model, pks).items()
    }


def rows_of(model: type[models.Model], keys: set[Any]) -> dict[Any, models.Model]:
    rows: Any = model._default_manager.filter(pk__in=keys)
    if named := IN_NAMES & {each.name for each in model._meta.fields}:
        rows = rows.select_related(*named)
    return {row.pk: row for row in rows}


def noted(line: AdminLogEvent) -> str:
    """What a line of the admin's log says, in words."""
    said = LogEntry(action_flag=line.action_flag, change_message=line.change_message)
    return str(said.get_change_message()) or str(said.get_action_flag_display())
