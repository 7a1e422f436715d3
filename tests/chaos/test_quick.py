"""One scenario of each kind, in every run of the tests. ``make chaos`` plays all of them."""

import pytest

from tests.chaos.scenario import played

SAMPLE = (
    "promotion kill before 4",
    "promotion kill after 9 before 1",
    "rollback kill after 12",
    "start-over kill before 16",
    "promotion late virtualservices 1",
    "promotion overtaken virtualservices 1 abort",
    "promotion api lost-answer patch virtualservices 1",
    "promotion server down progressing",
    "rollback stale progressing",
    "promotion compacted starting",
    "promotion restored bumped progressing promoting",
    "promotion restored restarted starting progressing",
    "promotion restored silent progressing promoting",
    "promotion clock back progressing running",
    "rollback three stopped progressing",
    "promotion partition leader deaf progressing",
    "promotion partition standby hanging promoting",
    "promotion prometheus nan 0.3",
    "promotion fight weights-to-none",
    "promotion touch miss canary-service progressing",
)


@pytest.mark.parametrize("scenario", SAMPLE)
def test_no_invariant_is_broken_by(scenario):
    _, broken, _ = played(scenario)
    assert not broken, "\n".join(broken)
