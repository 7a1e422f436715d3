"""What an answer of the API server means to whoever typed a command."""

import pytest

from controller.not_asked import translated
from informers.errors import ForbiddenError, KindNotServedError, NotFoundError, ServerError, UnauthorizedError


@pytest.mark.parametrize(
    ("error", "where", "told"),
    [
        (KindNotServedError("x"), ("test", "podinfo"), "canaries.flagger.app is not served by the API server"),
        (
            NotFoundError("x"),
            ("test", "podinfo"),
            "there is no canary podinfo in namespace test; kubectl get canaries -A",
        ),
        (NotFoundError("no such path"), ("test", ""), "no such path"),
        (ForbiddenError("x"), ("test", "podinfo"), "the permission get on canaries.flagger.app in namespace test"),
        (ForbiddenError("x"), ("", ""), "the permission get on canaries.flagger.app in all namespaces"),
        (UnauthorizedError("x"), ("test", "podinfo"), "does not accept the credentials, log in again"),
        (ServerError("it broke"), ("test", "podinfo"), "it broke"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_answer_in_words(error, where, told):
    assert told in str(translated(error, *where, "get"))


def test_several_permissions_are_permissions():
    assert "the permissions get and patch on" in str(translated(ForbiddenError("x"), "test", "a", "get and patch"))
