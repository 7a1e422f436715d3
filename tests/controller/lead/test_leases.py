"""One candidate and a lease, without threads, by a clock that the test moves."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.lead.leases import LEASE_NAME, Candidate, Timing
from informers.errors import AlreadyExistsError, ApiError, ConflictError, TransportError
from tests.controller.clock import FakeClock
from tests.fakes.leases import FakeLeases


class Scene:
    """A lease, a clock, and candidates."""

    def __init__(self):
        self.leases = FakeLeases()
        self.clock = FakeClock()

    def candidate(self, identity="us", clock=None):
        clock = clock or self.clock
        return Candidate(self.leases, "istio-system", identity, timing=Timing(), monotonic=clock, now=self.clock.now)


@pytest.fixture
def scene():
    return Scene()


@pytest.mark.parametrize(
    "timing", [{"lease": 10}, {"deadline": 2.4}, {"retry": 9.0}, {"lease": 5, "deadline": 5.0}, {"jitter": 5.0}]
)
def test_timing_must_make_sense(timing):  # contract L1
    with pytest.raises(ValueError, match="lease > deadline > jitter x retry"):
        Timing(**timing)


def test_identity_must_not_be_empty(scene):  # contract L1
    with pytest.raises(ValueError, match="identity"):
        scene.candidate("")


def test_lease_that_is_missing_is_created(scene):  # contract L2
    assert scene.candidate().try_to_hold()
    assert scene.leases.lease["metadata"] == {
        "name": LEASE_NAME, "namespace": "istio-system", "resourceVersion": "1",
    }  # fmt: skip
    assert scene.leases.spec == {
        "holderIdentity": "us",
        "leaseDurationSeconds": 15,
        "acquireTime": "2018-10-10T12:00:00.000000Z",
        "renewTime": "2018-10-10T12:00:00.000000Z",
        "leaseTransitions": 0,
    }


def test_lease_says_of_its_holder_what_it_is_told_to(scene):  # contract L4
    scene.leases.lease = {
        "metadata": {"name": LEASE_NAME, "resourceVersion": "7", "annotations": {"team": "blue"}},
        "spec": {"holderIdentity": ""},
    }
    clock = {"timing": Timing(), "monotonic": scene.clock, "now": scene.clock.now}
    candidate = Candidate(scene.leases, "istio-system", "us", **clock, annotations={"asks": "http://p"})
    assert candidate.try_to_hold()
    assert scene.leases.lease["metadata"]["annotations"] == {"team": "blue", "asks": "http://p"}


def test_lease_that_another_creates_first_is_not_ours(scene):  # contract L2
    candidate = scene.candidate()
    create = scene.leases.create

    def too_late(*args):
        scene.leases.write(holderIdentity="other")
        return create(*args)

    scene.leases.create = too_late
    with pytest.raises(AlreadyExistsError):
        candidate.try_to_hold()
    assert scene.leases.spec["holderIdentity"] == "other"


@pytest.mark.parametrize("holder", ["", None])
def test_lease_that_nobody_holds_is_taken_at_once(scene, holder):  # contracts L2, L4
    scene.leases.write(holderIdentity=holder, leaseTransitions=4, leaseDurationSeconds=1, preferred="x")
    assert scene.candidate().try_to_hold()
    assert scene.leases.spec["holderIdentity"] == "us"
    assert scene.leases.spec["leaseTransitions"] == 5
    assert scene.leases.spec["preferred"] == "x"  # what we don't know is kept


@pytest.mark.parametrize("spec", [None, {}])
def test_lease_without_a_record_is_taken(scene, spec):
    scene.leases.write()
    scene.leases.lease["spec"] = spec
    assert scene.candidate().try_to_hold()
    assert scene.leases.spec["leaseTransitions"] == 0


def test_error_on_reading_means_that_nothing_is_known(scene):  # contract L2
    scene.leases.down = True
    with pytest.raises(TransportError):
        scene.candidate().try_to_hold()


def test_lease_second_candidate_waits_full_duration(scene):  # contract L3
    scene.leases.write(holderIdentity="other", leaseDurationSeconds=40, renewTime="1970-01-01T00:00:00.000000Z")
    scene.clock.advance(1e6)  # whatever the times in it say
    candidate = scene.candidate()
    assert not candidate.try_to_hold()
    scene.clock.advance(39.9)
    assert not candidate.try_to_hold()
    assert scene.leases.requests == ["get", "get"]
    scene.clock.advance(0.1)
    assert candidate.try_to_hold()
    assert scene.leases.spec["leaseTransitions"] == 1
    assert scene.leases.spec["leaseDurationSeconds"] == 15


def test_lease_without_a_duration_lasts_as_long_as_ours(scene):
    scene.leases.write(holderIdentity="other")
    candidate = scene.candidate()
    assert not candidate.try_to_hold()
    scene.clock.advance(14.9)
    assert not candidate.try_to_hold()
    scene.clock.advance(0.1)
    assert candidate.try_to_hold()


def test_record_that_changes_starts_the_wait_anew(scene):  # contract L3
    scene.leases.write(holderIdentity="other", leaseDurationSeconds=15)
    candidate = scene.candidate()
    for second in range(10):
        scene.leases.write(renewTime=f"2018-10-10T12:00:{second:02}.000000Z")
        assert not candidate.try_to_hold()
        scene.clock.advance(14.9)


def test_leader_fast_path_one_request(scene):  # contracts L4, L5
    candidate = scene.candidate()
    assert candidate.try_to_hold()
    scene.leases.requests.clear()
    for _ in range(5):
        scene.clock.advance(2)
        assert candidate.try_to_hold()
    assert scene.leases.requests == ["update"] * 5
    assert scene.leases.spec["acquireTime"] == "2018-10-10T12:00:00.000000Z"
    assert scene.leases.spec["renewTime"] == "2018-10-10T12:00:10.000000Z"
    assert scene.leases.spec["leaseTransitions"] == 0
    scene.leases.requests.clear()
    scene.leases.lease["metadata"] |= {"resourceVersion": "77", "labels": {"by": "hand"}}
    assert candidate.try_to_hold()
    assert scene.leases.requests == ["update", "get", "update"]  # a conflict costs one GET and one more PUT
    assert scene.leases.lease["metadata"]["labels"] == {"by": "hand"}


def test_renewal_whose_answer_was_lost_is_still_ours(scene):  # contract L5
    candidate = scene.candidate()
    candidate.try_to_hold()
    scene.leases.loses_answers = True
    with pytest.raises(TransportError):
        candidate.try_to_hold()
    scene.leases.loses_answers = False
    assert candidate.try_to_hold()
    assert scene.leases.spec["leaseTransitions"] == 0


def test_leader_whose_lease_was_taken_learns_it(scene):
    candidate = scene.candidate()
    candidate.try_to_hold()
    scene.leases.write(holderIdentity="other")
    assert not candidate.try_to_hold()
    assert candidate.holder == "other"


def test_lease_that_was_deleted_is_created_again(scene):
    candidate = scene.candidate()
    candidate.try_to_hold()
    scene.leases.lease = None
    assert candidate.try_to_hold()
    assert scene.leases.spec["holderIdentity"] == "us"


def test_race_for_a_free_lease_has_one_winner(scene):
    scene.leases.write(holderIdentity="")
    first, second = scene.candidate("first"), scene.candidate("second")

    def overtake():
        scene.leases.before_replace = lambda: None
        assert second.try_to_hold()

    scene.leases.before_replace = overtake
    with pytest.raises(ConflictError):
        first.try_to_hold()
    assert scene.leases.spec["holderIdentity"] == "second"


def test_release_lets_another_take_over_at_once(scene):  # contract L10
    candidate = scene.candidate()
    scene.leases.write(holderIdentity="", leaseTransitions=3, preferred="x")
    candidate.try_to_hold()
    scene.clock.advance(60)
    candidate.release()
    assert scene.leases.spec == {
        "holderIdentity": "",
        "leaseDurationSeconds": 1,
        "acquireTime": "2018-10-10T12:01:00.000000Z",
        "renewTime": "2018-10-10T12:01:00.000000Z",
        "leaseTransitions": 4,
        "preferred": "x",
    }
    assert scene.candidate("other").try_to_hold()


def test_release_tries_again_after_a_conflict(scene):  # contract L10
    candidate = scene.candidate()
    candidate.try_to_hold()
    scene.leases.lease["metadata"]["resourceVersion"] = "77"
    candidate.release()
    assert scene.leases.spec["holderIdentity"] == ""


def test_release_reads_what_a_failed_renewal_left_unknown(scene):
    candidate = scene.candidate()
    candidate.try_to_hold()
    scene.leases.down = True
    with pytest.raises(ApiError):
        candidate.try_to_hold()
    scene.leases.down = False
    candidate.release()
    assert scene.leases.spec["holderIdentity"] == ""


def test_release_gives_up_after_the_deadline(scene):  # contract L10
    candidate = scene.candidate()
    candidate.try_to_hold()

    def overtaken():
        scene.clock.advance(4)
        scene.leases.write(renewTime="now")

    scene.leases.before_replace = overtaken
    scene.leases.requests.clear()
    candidate.release()
    assert scene.leases.requests.count("update") == 3
    assert scene.leases.spec["holderIdentity"] == "us"


def test_release_leaves_what_is_not_ours_alone(scene):  # contract L10
    standby = scene.candidate("standby")
    standby.release()
    scene.leases.write(holderIdentity="other")
    standby.try_to_hold()
    standby.release()
    assert scene.leases.requests == ["get"]
    candidate = scene.candidate()
    scene.leases.write(holderIdentity="")
    candidate.try_to_hold()
    scene.leases.write(holderIdentity="other")
    candidate.release()
    assert scene.leases.spec["holderIdentity"] == "other"


class SkewedClock:
    """Another machine's clock: another zero, another speed."""

    def __init__(self, clock, speed):
        self._clock = clock
        self._speed = speed

    def __call__(self):
        return 5e5 + self._clock() * self._speed


@settings(max_examples=500, deadline=None)
@given(
    speeds=st.tuples(*2 * [st.sampled_from([1.0, 1.49])]),
    moves=st.lists(
        st.tuples(
            st.sampled_from([0, 1]), st.sampled_from([0.0, 1.0, 5.0, 9.5]), st.sampled_from(["", "", "down", "lost"])
        ),
        min_size=20,
        max_size=40,
    ),
)
def test_never_two_leaders_however_clocks_run_and_answers_are_lost(speeds, moves):  # contracts L3, L6
    scene = Scene()
    clocks = [SkewedClock(scene.clock, speed) for speed in speeds]
    candidates = [scene.candidate(f"c{n}", clocks[n]) for n in (0, 1)]
    renewed = [None, None]
    for who, seconds, fault in moves:
        scene.clock.advance(seconds)
        scene.leases.down, scene.leases.loses_answers = fault == "down", fault == "lost"
        began = clocks[who]()
        try:
            held = candidates[who].try_to_hold()
        except ApiError:
            held = None
        if held is not None:
            renewed[who] = began if held else None
        leading = [
            at is not None and clock() - at < Timing().deadline for at, clock in zip(renewed, clocks, strict=True)
        ]
        assert not all(leading)


ODD = st.sampled_from(
    [None, "", "x", True, -1, 0, 5, 2**31 - 1, 2**31, 10**400, 1.5, float("nan"), [], {}, [1], {"a": 1}]
)
RECORDS = ODD | st.dictionaries(
    st.sampled_from(["holderIdentity", "leaseDurationSeconds", "leaseTransitions", "renewTime", "acquireTime"]), ODD
)


@given(RECORDS, RECORDS)
def test_whatever_stands_in_a_lease_is_waited_for_or_written_over(first, second):
    scene = Scene()
    scene.leases.write()
    candidate = scene.candidate()
    for record in (first, second):
        scene.leases.lease["spec"] = record
        if candidate.try_to_hold():
            assert scene.leases.spec["holderIdentity"] == "us"
            assert 0 <= scene.leases.spec["leaseTransitions"] < 2**31
        candidate.release()
        candidate = scene.candidate()


def test_transitions_do_not_outgrow_what_the_api_server_stores(scene):
    scene.leases.write(holderIdentity="", leaseTransitions=2**31 - 1)
    assert scene.candidate().try_to_hold()
    assert scene.leases.spec["leaseTransitions"] == 2**31 - 1
