"""What Argo CD and Flux make of every version of a Canary object that a controller has left behind."""

import sys

import pytest

from hack import kstatus
from tests.e2e.beginnings import AT_ONCE
from tests.e2e.health import BUNDLED, argo_cd, ours, without_repeats


def story(on):
    """Promote a version, hold and fail another, change the spec at rest; return every version of the object."""
    with on.controller():
        on.add_canary(**AT_ONCE, threshold=1, inconclusiveLimit=0)
        on.until_state("finished")
        on.annotate(hold="")
        on.push("1.2.2")
        on.until(lambda: on.condition("Promoted")[1] == "Held")
        on.behave(rate=0)
        on.annotate(hold=None)
        on.until_state("failed")
        on.patch("canaries", "podinfo", {"spec": {"canaryAnalysis": {"threshold": 5}}})
        on.until(lambda: on.status()["observedGeneration"] == 2)
    return on.versions("canaries", "podinfo")


def test_argo_cd_shows_a_rollout_as_it_is(on):
    found = story(on)
    shown = without_repeats([argo_cd(ours(), obj)[0] for obj in found])
    assert shown == [
        *("Progressing", "Healthy", "Progressing", "Suspended", "Progressing", "Degraded", "Progressing", "Degraded")
    ]
    bundled = without_repeats([argo_cd(BUNDLED, obj)[0] for obj in found])
    assert bundled == ["Unknown", "Progressing", "Healthy", "Progressing", "Degraded"]


@pytest.fixture(scope="session")
def program(request):
    if not kstatus.place().exists() and not any("e2e" in argument for argument in request.config.args):
        pytest.skip("kstatus is built by make e2e")
    return kstatus.find(lambda line: sys.stderr.write(f"{line}\n"))


def test_flux_waits_for_a_rollout_and_sees_it_fail(program, on):
    said = kstatus.words(program, story(on))
    shown = without_repeats([word for word, _ in said])
    # Before it is seen for the first time, kstatus takes it to be as it should be.
    assert shown == ["Current", "InProgress", "Current", "InProgress", "Failed", "InProgress", "Failed"]
    assert any("threshold reached" in why for word, why in said if word == "Failed")
