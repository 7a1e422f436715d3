"""What can go wrong between us and the API server, by what follows from it.

Absence is a value elsewhere; here is failure. Every message says what was asked of which object, and what came back.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

MOST_RETRY_SECONDS = 600.0  # of a Retry-After: a server that asks for more is asked again all the same
_MOST_CHARACTERS = 2000  # of a message: enough for every sentence of the API server, too little to fill a log
_MOST_CAUSES = 100


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause in the details of a Status."""

    reason: str
    message: str
    field: str


class ConfigurationError(Exception):
    """No client can be built from kubeconfig, service account or environment.

    The message says which file or variable is wrong, and what would be right.
    """


class ApiError(Exception):
    """The API server refused, failed, or could not be reached.

    Attributes:
        code: HTTP status, 0 if there was no answer.
        reason: the ``reason`` of the Status, such as ``Conflict``.
        causes: the causes in its details.
        retry_after: seconds that the server asked us to wait, if it did.
    """

    def __init__(
        self,
        message: str,
        *,
        code: int = 0,
        reason: str = "",
        causes: tuple[Cause, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.causes = causes
        self.retry_after = retry_after


class NotFoundError(ApiError):
    """The object does not exist."""


class KindNotServedError(NotFoundError):
    """The whole API group, or the kind in it, is not served: a CRD is not installed."""


class ConflictError(ApiError):
    """A precondition failed: somebody else has written since. Look again."""


class AlreadyExistsError(ApiError):
    """An object of that name exists."""


class ExpiredError(ApiError):
    """The version, or the continue token, is older than what the server remembers."""


class ForbiddenError(ApiError):
    """RBAC says no."""


class UnauthorizedError(ApiError):
    """The credentials are not accepted."""


class TooManyRequestsError(ApiError):
    """The server asks us to slow down; see ``retry_after``."""


class InvalidError(ApiError):
    """The server understood and refused: bad request, invalid object."""


class ServerError(ApiError):
    """The server failed, or answered what is no answer."""


class TransportError(ApiError):
    """No answer: refused, cut, timed out, TLS."""


FAILURES: tuple[type[ApiError], ...] = (
    NotFoundError,
    KindNotServedError,
    ConflictError,
    AlreadyExistsError,
    ExpiredError,
    ForbiddenError,
    UnauthorizedError,
    TooManyRequestsError,
    InvalidError,
    ServerError,
    TransportError,
)
"""Everything that a request can end with."""


_DENIED = re.compile(r"denied (the )?request")


def is_refusal(error: ApiError) -> bool:
    """Whether a write will be refused until somebody changes a permission, a policy, a quota or a webhook."""
    webhook = isinstance(error, ServerError) and "calling webhook" in str(error)  # one that cannot be called is a 500
    return webhook or isinstance(error, ForbiddenError | InvalidError)


_BY_CODE: Mapping[int, type[ApiError]] = {
    400: InvalidError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    410: ExpiredError,
    415: InvalidError,
    422: InvalidError,
    429: TooManyRequestsError,
}
_UNPROCESSABLE = 422


def error_from(
    what: str,
    code: int,
    body: bytes,
    *,
    retry_after: str | None = None,
    date: str | None = None,
    json_patch: bool = False,
) -> ApiError:
    """Return the error for an answer that is not a success, whatever it holds.

    Args:
        what: the request in words, e.g. ``patch deployments podinfo.test``.
        code: HTTP status.
        body: the answer; a Status if all is well, anything if not.
        retry_after: value of that header, if there was one: seconds or a date.
        date: value of that header, by which such a date is counted, since clocks differ.
        json_patch: whether the request was a JSON patch: its failing ``test`` is a conflict, though coded 422.
    """
    status = _status(_parsed(body))
    details = status.get("details")
    details = details if isinstance(details, dict) else {}
    causes = _causes(details.get("causes"))
    reason = _text(status.get("reason"), 100)
    said = _text(status.get("message"), _MOST_CHARACTERS)
    said = said or body[:200].decode(errors="replace").strip() or "(nothing)"
    kind = _kind(code, reason, details, has_status=bool(status))
    if json_patch and code == _UNPROCESSABLE and not causes:
        kind = ConflictError  # validation names causes, a failed test has none
    if kind is ConflictError and _DENIED.search(said):
        kind = InvalidError  # an admission webhook or policy may deny with any code
    seconds = _seconds(details.get("retryAfterSeconds") if retry_after is None else retry_after, date)
    return kind(f"{what}: {code} {reason}: {said}", code=code, reason=reason, causes=causes, retry_after=seconds)


def error_from_status(what: str, status: object) -> ApiError:
    """Return the error for what came with an ERROR event within a stream: a Status if all is well."""
    found = _status(status).get("code")
    code = int(found) if isinstance(found, int) and 0 <= found < 1000 else 0  # noqa: PLR2004  # three digits
    try:
        body = json.dumps(status).encode()
    except RecursionError:
        body = b"(what nests too deeply)"
    return error_from(what, code, body)


def _kind(code: int, reason: str, details: Mapping[str, Any], *, has_status: bool) -> type[ApiError]:
    if reason in {"Expired", "Gone"}:
        return ExpiredError
    if reason == "AlreadyExists":
        return AlreadyExistsError
    if reason == "TooManyRequests":
        return TooManyRequestsError
    if code == 404 and not (has_status and details.get("name")):  # noqa: PLR2004  # no object is named: no such path
        return KindNotServedError
    return _BY_CODE.get(code, ServerError)


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _status(parsed: object) -> dict[str, Any]:
    return parsed if isinstance(parsed, dict) and parsed.get("kind") == "Status" else {}


def _causes(found: object) -> tuple[Cause, ...]:
    entries = found[:_MOST_CAUSES] if isinstance(found, list) else []
    return tuple(
        Cause(*(_text(entry.get(key), _MOST_CHARACTERS) for key in ("reason", "message", "field")))
        for entry in entries
        if isinstance(entry, dict)
    )


def _text(value: object, most: int) -> str:
    """Return a text that is short enough and can be encoded; "" for what is no text."""
    if not isinstance(value, str):
        return ""
    cut = value if len(value) <= most else f"{value[: most - 1]}\N{HORIZONTAL ELLIPSIS}"
    return cut.encode(errors="replace").decode()


def _seconds(value: object, date: str | None) -> float | None:
    """Return how long to wait: a number of seconds, or a date less the server's own."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        seconds = float(value)
    except OverflowError:  # an integer of more than 308 digits
        seconds = math.inf
    except ValueError:
        seconds = _seconds_until(str(value), date)
    return min(seconds, MOST_RETRY_SECONDS) if seconds > 0 else None  # not a number is not greater either


def _seconds_until(until: str, date: str | None) -> float:
    try:
        return (_utc(until) - _utc(date or "")).total_seconds()
    except (ValueError, OverflowError):
        return 0.0


def _utc(text: str) -> datetime:
    found = parsedate_to_datetime(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
