"""Events as objects of the API: ``core/v1``, as kubectl shows them. Pure but for the names that cannot be made."""

import re
import uuid
from datetime import datetime

from controller.core.canary import Canary
from controller.core.events import Event
from controller.resources import CANARIES
from informers.types import Json, Unreadable

SOURCE = "flagger"
REASON = "Synced"
VERSION_ANNOTATION = "flagger.app/version"
"""Of the rollout that an event is about, as the status has it: an event has no field of its own for it."""
MOST_BYTES = 1024
_DNS_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_LONGEST_NAME = 253


def event_object(  # noqa: PLR0917  # an event has these parts
    canary: Canary | Unreadable, event: Event, text: str, name: str, count: int, first: str, last: str
) -> Json:
    """Return a core/v1 Event."""
    metadata: Json = {"name": name, "namespace": canary.namespace}
    if event.version:
        metadata["annotations"] = {VERSION_ANNOTATION: event.version}
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": metadata,
        "involvedObject": {
            "apiVersion": CANARIES.api_version,
            "kind": CANARIES.kind,
            "namespace": canary.namespace,
            "name": canary.name,
            "uid": canary.uid,
            "resourceVersion": canary.resource_version,
        },
        "reason": REASON,
        "action": event.action,
        "message": shortened(text),
        "type": event.type,
        "count": count,
        "firstTimestamp": first,
        "lastTimestamp": last,
        "source": {"component": SOURCE},
        "reportingComponent": SOURCE,
        "reportingInstance": SOURCE,
    }


def event_name(canary: str, at: datetime) -> str:
    """Return ``<object>.<hex of nanoseconds>``, or a UUID where that is no DNS name."""
    name = f"{canary}.{int(at.timestamp() * 1e6) * 1000:x}"
    return name if len(name) <= _LONGEST_NAME and _DNS_NAME.fullmatch(name) else str(uuid.uuid4())


def shortened(text: str) -> str:
    """Return a text within 1,024 bytes, cut at a character, with an ellipsis; lone surrogates become ``?``."""
    encoded = text.encode(errors="replace")
    if len(encoded) <= MOST_BYTES:
        return encoded.decode()
    ellipsis = "…"
    room = MOST_BYTES - len(ellipsis.encode())
    return encoded[:room].decode(errors="ignore") + ellipsis
