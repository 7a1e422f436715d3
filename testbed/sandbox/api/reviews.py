"""Who asks, and may they? The sandbox has no RBAC: everybody is one user who may do everything.

What an injected fault answers with 403 is not allowed, so that a review and the request that follows agree.
"""

from collections.abc import Callable
from typing import Any

from testbed.sandbox.api.requests import Request

Json = dict[str, Any]

USER = "sandbox"


def review(request: Request, forbidden: Callable[[str, str, str, str], bool]) -> Json | None:
    """Return the answer to a review, or None if the request is none; nothing is stored.

    Args:
        request: any request.
        forbidden: whether a verb on a resource and subresource in a namespace would be refused.
    """
    match (request.verb, request.group, request.version, request.plural):
        case ("create", "authentication.k8s.io", "v1", "selfsubjectreviews"):
            status: Json = {"userInfo": {"username": USER, "groups": ["system:masters", "system:authenticated"]}}
        case ("create", "authorization.k8s.io", "v1", "selfsubjectaccessreviews"):
            asked = (request.json().get("spec") or {}).get("resourceAttributes") or {}
            refused = forbidden(*(asked.get(field, "") for field in ("verb", "resource", "subresource", "namespace")))
            status = {"allowed": not refused}
        case _:
            return None
    return {**request.json(), "metadata": {"creationTimestamp": None}, "status": status}
