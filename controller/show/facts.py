"""What was seen of a canary: the object as it is, its parts as the controller sees them, and its events. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from controller.core.canary import PROMOTED, READY
from controller.core.verbs import HOLD
from controller.core.world import World

Json = Mapping[str, Any]

NOT_SEEN = "not seen yet"


@dataclass(frozen=True, slots=True)
class Told:
    """An event of a canary."""

    at: datetime
    warning: bool
    text: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One canary, at one moment."""

    obj: Json  # the Canary object as the API server sent it
    now: datetime
    world: World | None = None  # None: the object cannot be read, or its parts were not looked at
    unread: tuple[str, ...] = ()  # why parts could not be read
    events: tuple[Told, ...] = ()  # oldest first

    @property
    def seen(self) -> "Seen":
        """What its status says."""
        return Seen(self.obj)


@dataclass(frozen=True, slots=True)
class Seen:
    """The status of a Canary object, whatever it holds: that of an older or newer controller is shown as well."""

    obj: Json

    @property
    def name(self) -> str:
        """Name of the object."""
        return str(self.obj["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return str(self.obj["metadata"]["namespace"])

    @property
    def status(self) -> Json:
        """The status, or nothing."""
        status = self.obj.get("status")
        return status if isinstance(status, Mapping) else {}

    @property
    def state(self) -> str:
        """State, or that there is none."""
        return self.text("state") or NOT_SEEN

    @property
    def reason(self) -> str:
        """Why it stands where it does; a controller of before has it in the conditions alone."""
        return self.text("reason") or str(self._telling_condition().get("reason") or "")

    @property
    def message(self) -> str:
        """Likewise, in a sentence."""
        return self.text("message") or str(self._telling_condition().get("message") or "")

    @property
    def held(self) -> bool:
        """Whether somebody holds it."""
        return HOLD in (self.obj["metadata"].get("annotations") or {})

    def text(self, field: str) -> str:
        """Return a field of the status as text, "" if it is absent."""
        value = self.status.get(field)
        return "" if value is None else str(value)

    def number(self, field: str) -> int:
        """Return a count of the status, 0 if it is absent or none."""
        value = self.status.get(field)
        return value if isinstance(value, int) else 0

    def time(self, field: str) -> datetime | None:
        """Return a time of the status, None if it is absent or none."""
        return time_of(self.status.get(field))

    def _telling_condition(self) -> Json:
        found = self.status.get("conditions")
        by_type = {c.get("type"): c for c in found if isinstance(c, Mapping)} if isinstance(found, list) else {}
        ready: Json = by_type.get(READY, {})
        return ready if ready.get("status") == "False" else by_type.get(PROMOTED, {})


def time_of(value: object) -> datetime | None:
    """Return an RFC 3339 time, or None for anything else."""
    try:
        return datetime.fromisoformat(value).astimezone(UTC) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def age(now: datetime, then: datetime | None) -> str:
    """Return how long ago a time was, as kubectl says it: ``45s``, ``3m20s``, ``4h``, ``2d``; - if it is not known."""
    if then is None:
        return "-"
    return span(int((now - then).total_seconds()))


def span(seconds: int) -> str:
    """Return a length of time: exact while it is short."""
    seconds = max(seconds, 0)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 2:  # noqa: PLR2004  # as kubectl
        return f"{seconds}s"
    if minutes < 10:  # noqa: PLR2004
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if hours < 3:  # noqa: PLR2004
        return f"{minutes}m"
    return f"{hours}h" if days < 2 else f"{days}d"  # noqa: PLR2004
