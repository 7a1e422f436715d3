"""What can go wrong between us and the API server, by what follows from it.

Absence is a value elsewhere; here is failure. Every message says what was asked of which object, and what came back.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause in the details of a Status."""

    reason: str
    message: str
    field: str


class ConfigurationError(Exception):
    """There is no usable kubeconfig or service account; the message says which file, and what would be right."""


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
    what: str, code: int, body: bytes, *, retry_after: str | None = None, json_patch: bool = False
) -> ApiError:
    """Return the error for an answer that is not a success.

    Args:
        what: the request in words, e.g. ``patch deployments podinfo.test``.
        code: HTTP status.
        body: the answer; a Status if all is well, anything if not.
        retry_after: value of that header, if there was one.
        json_patch: whether the request was a JSON patch: its failing ``test`` is a conflict, though coded 422.
    """
    status = _status(body)
    details = status.get("details")
    if not isinstance(details, dict):
        details = {}
    causes = _causes(details.get("causes"))
    reason = _text(status.get("reason"))
    said = _text(status.get("message")) or body[:200].decode(errors="replace").strip() or "(nothing)"
    kind = _kind(code, reason, details, has_status=bool(status))
    if json_patch and code == _UNPROCESSABLE and not causes:
        kind = ConflictError  # validation names causes, a failed test has none
    seconds = _seconds(retry_after, details)
    return kind(f"{what}: {code} {reason}: {said}", code=code, reason=reason, causes=causes, retry_after=seconds)


def error_from_status(what: str, status: Mapping[str, Any]) -> ApiError:
    """Return the error for a Status that came as an ERROR event within a stream."""
    code = status.get("code")
    return error_from(what, code if isinstance(code, int) else 0, json.dumps(status).encode())


def _causes(causes: object) -> tuple[Cause, ...]:
    if not isinstance(causes, list):
        return ()
    return tuple(
        Cause(_text(c.get("reason")), _text(c.get("message")), _text(c.get("field")))
        for c in causes
        if isinstance(c, dict)
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


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


def _status(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) and parsed.get("kind") == "Status" else {}


def _seconds(header: str | None, details: Mapping[str, Any]) -> float | None:
    value = header if header is not None else details.get("retryAfterSeconds")
    if not value:
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return seconds if 0 <= seconds < math.inf else None
