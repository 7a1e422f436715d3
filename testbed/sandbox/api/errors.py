"""Errors as the API server tells them: an HTTP code and a Status."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

Json = dict[str, Any]


class ApiError(Exception):
    """Ends a request with a Status."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: Json | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(message)
        self.code = int(code)
        self.reason = reason
        self.message = message
        self.details = details or {}
        self.headers = tuple(headers)

    def status(self) -> Json:
        """Return the body."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            **({"reason": self.reason} if self.reason else {}),
            **({"details": self.details} if self.details else {}),
            "code": self.code,
        }


class NoSuchPathError(ApiError):
    """Nothing is served there: told in plain text, since nobody has looked at what the client would understand."""

    text = "404 page not found\n"


def _named(name: str, plural: str, group: str = "") -> Json:
    return {"name": name, "kind": plural, **({"group": group} if group else {})}


def _of(plural: str, group: str) -> str:
    return f"{plural}.{group}" if group else plural


def not_found(plural: str, group: str, name: str) -> ApiError:
    """The object does not exist."""
    text = f'{_of(plural, group)} "{name}" not found'
    return ApiError(HTTPStatus.NOT_FOUND, "NotFound", text, details=_named(name, plural, group))


def no_such_path() -> ApiError:
    """Nothing is served there."""
    return NoSuchPathError(HTTPStatus.NOT_FOUND, "NotFound", "the server could not find the requested resource")


def already_exists(plural: str, group: str, name: str) -> ApiError:
    """An object of that name exists."""
    text = f'{_of(plural, group)} "{name}" already exists'
    return ApiError(HTTPStatus.CONFLICT, "AlreadyExists", text, details=_named(name, plural, group))


def conflict(plural: str, group: str, name: str) -> ApiError:
    """The version in the request is not the object's."""
    text = (
        f'Operation cannot be fulfilled on {_of(plural, group)} "{name}": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    return ApiError(HTTPStatus.CONFLICT, "Conflict", text, details=_named(name, plural, group))


def expired(message: str) -> ApiError:
    """The version, or the continue token, is too old."""
    return ApiError(HTTPStatus.GONE, "Expired", message)


def too_large(requested: int, current: int) -> ApiError:
    """The version is newer than the server's."""
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    text = f"Timeout: Too large resource version: {requested}, current: {current}"
    details = {"causes": causes, "retryAfterSeconds": 1}
    return ApiError(HTTPStatus.GATEWAY_TIMEOUT, "Timeout", text, details=details, headers=[("Retry-After", "1")])


def bad_request(message: str) -> ApiError:
    """The request makes no sense."""
    return ApiError(HTTPStatus.BAD_REQUEST, "BadRequest", message)


def namespace_terminating(plural: str, group: str, name: str, namespace: str) -> ApiError:
    """Nothing is made in a namespace that is being deleted."""
    said = f"namespace {namespace} is being terminated"
    causes = [{"reason": "NamespaceTerminating", "message": said, "field": "metadata.namespace"}]
    text = (
        f'{_of(plural, group)} "{name}" is forbidden: unable to create new content in namespace {namespace} '
        "because it is being terminated"
    )
    details = {**_named(name, plural, group), "causes": causes}
    return ApiError(HTTPStatus.FORBIDDEN, "Forbidden", text, details=details)


def unsupported_format(content_type: str) -> ApiError:
    """A patch of a kind that is not taken here."""
    text = (
        f"the body of the request was in an unknown format - accepted media types include JSON patches: {content_type}"
    )
    return ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", text)


def no_protobuf() -> ApiError:
    """A body that a real API server takes, and this one cannot read: ``kubectl create`` of a built-in kind sends it."""
    text = (
        "the sandbox takes JSON and no protobuf, which kubectl create sends: use kubectl apply -f, "
        "or add --dry-run=client -o yaml and pipe the output to kubectl apply -f -"
    )
    return ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", text)


def unprocessable_patch(message: str) -> ApiError:
    """A JSON patch cannot be applied, a failed ``test`` included: a Status without causes."""
    return ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid", f"the server rejected our request: {message}")


def invalid(kind: str, group: str, name: str, causes: Sequence[tuple[str, str, str]]) -> ApiError:
    """The object does not fit its schema; causes are (field, reason, message)."""
    listed = [{"reason": reason, "message": message, "field": field} for field, reason, message in causes]
    said = "; ".join(f"{field}: {message}" for field, _, message in causes)
    text = f'{_of(kind, group)} "{name}" is invalid: {said}'
    details = {**_named(name, kind, group), "causes": listed}
    return ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid", text, details=details)
