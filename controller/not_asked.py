"""Why a command could not ask about a Canary object, in words that say what would be right. Pure."""

from controller.resources import CANARIES
from informers.errors import ApiError, ForbiddenError, KindNotServedError, NotFoundError, UnauthorizedError


class NotAskedError(Exception):
    """Nothing was done, or nobody knows; the message says why, and what would be right."""


def translated(error: ApiError, namespace: str, name: str, verbs: str) -> NotAskedError:
    """Return what an answer of the API server means to whoever typed a command.

    Args:
        error: the answer.
        namespace: of the object; "" for all namespaces.
        name: of the object; "" for all of them.
        verbs: that the command needs, e.g. ``get and patch``.
    """
    match error:
        case KindNotServedError():
            return NotAskedError(CANARIES.not_served)
        case NotFoundError() if name:
            return NotAskedError(
                f"there is no canary {name} in namespace {namespace}; kubectl get canaries -A lists what there is"
            )
        case ForbiddenError():
            where = f"in namespace {namespace}" if namespace else "in all namespaces"
            several = "permissions" if " and " in verbs else "permission"
            return NotAskedError(
                f"not allowed, you need the {several} {verbs} on canaries.flagger.app {where} ({error})"
            )
        case UnauthorizedError():
            return NotAskedError(f"the API server does not accept the credentials, log in again ({error})")
        case _:
            return NotAskedError(str(error))
