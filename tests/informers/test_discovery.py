"""Which version is served, when the server's answers are odd or change (contract C15)."""

import threading

import pytest

from informers.discovery import ServedVersion
from informers.errors import ForbiddenError, KindNotServedError, ServerError, TransportError
from router.istio import VIRTUAL_SERVICES

GROUP = f"/apis/{VIRTUAL_SERVICES.group}"
SERVED = {"resources": [{"name": "virtualservices"}, {"name": "virtualservices/status"}]}


class FakeDiscovery:
    """Answers by path; an error is raised."""

    def __init__(self, answers):
        self.answers = answers
        self.asked = []

    def get_path(self, path):
        self.asked.append(path)
        answer = self.answers.get(path, KindNotServedError("404", code=404))
        if isinstance(answer, Exception):
            raise answer
        return answer


def of(answers):
    fake = FakeDiscovery(answers)
    return fake, ServedVersion(fake, VIRTUAL_SERVICES)


def group(*versions):
    return {"versions": [{"version": version} for version in versions]}


@pytest.mark.parametrize("failure", [ServerError("500"), ForbiddenError("403"), TransportError("refused")], ids=str)
@pytest.mark.parametrize("where", [GROUP, f"{GROUP}/v1"], ids=["group", "version"])
def test_failure_is_told_as_it_is_and_asked_again(failure, where):  # contract C15
    fake, served = of({GROUP: group("v1"), f"{GROUP}/v1": SERVED, where: failure})
    for _ in range(2):
        with pytest.raises(type(failure)):
            served()
    fake.answers = {GROUP: group("v1"), f"{GROUP}/v1": SERVED}
    assert served().version == "v1"


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param({}, id="no group"),
        pytest.param({GROUP: {}}, id="a group without versions"),
        pytest.param({GROUP: {"versions": None}}, id="a group whose versions are null"),
        pytest.param({GROUP: group("v2"), f"{GROUP}/v2": SERVED}, id="only a version that we do not know"),
        pytest.param({GROUP: group("v1"), f"{GROUP}/v1": {"resources": None}}, id="a version without kinds"),
        pytest.param(
            {GROUP: group("v1"), f"{GROUP}/v1": {"resources": [{"name": "virtualservices/status"}]}},
            id="only a subresource",
        ),
    ],
)
def test_absence_says_what_to_install(answers):  # contracts C15, R22
    with pytest.raises(
        KindNotServedError,
        match=r"^virtualservices\.networking\.istio\.io is not served .* install the .* VirtualService",
    ):
        of(answers)[1]()


def test_answer_is_remembered_until_it_is_to_be_forgotten():
    fake, served = of({GROUP: group("v1beta1"), f"{GROUP}/v1beta1": SERVED})
    assert [served().version for _ in range(3)] == ["v1beta1"] * 3
    assert fake.asked == [GROUP, f"{GROUP}/v1beta1"]
    fake.answers = {GROUP: group("v1beta1", "v1"), f"{GROUP}/v1": SERVED}
    assert served().version == "v1beta1"
    served.forget()
    assert served().version == "v1"


def test_several_threads_get_the_same_answer():
    _, served = of({GROUP: group("v1"), f"{GROUP}/v1": SERVED})
    found = []
    threads = [threading.Thread(target=lambda: found.append(served())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [VIRTUAL_SERVICES.at("v1")] * 8


@pytest.mark.parametrize(
    "odd", ["x", 5, True, {"a": 1}, ["v1"], [None], [{"version": 1, "name": {}}], [["v1"]]], ids=str
)
@pytest.mark.parametrize("where", ["versions", "resources"])
def test_answer_that_makes_no_sense_is_an_error_of_the_server(where, odd):  # contract C15
    answers = {GROUP: group("v1"), f"{GROUP}/v1": SERVED}
    path = {"versions": GROUP, "resources": f"{GROUP}/v1"}[where]
    _, served = of({**answers, path: {where: odd}})
    with pytest.raises(ServerError, match=f"says in no usable way what it serves: {where}"):
        served()
