"""What became of a question: an answer, a refusal that concerns this question only, or silence that ends all asking."""

from collections.abc import Callable
from typing import TypeVar

from controller.check.facts import Unknown
from informers.errors import ApiError, NotFoundError, TransportError, UnauthorizedError

T = TypeVar("T")


def told(ask: Callable[[], T]) -> T | Unknown:
    """Return the answer, or why there is none to this question.

    Raises:
        NotFoundError: what was asked about is not there, which is an answer as well.
        TransportError, UnauthorizedError: no question will be answered.
    """
    try:
        return ask()
    except (NotFoundError, TransportError, UnauthorizedError):
        raise
    except ApiError as error:
        return Unknown(str(error))
