"""List, then watch, for ever (contracts R), on a scripted source and a clock that costs nothing."""

import pytest

from informers.errors import Cause, ExpiredError, ForbiddenError, ServerError, TooManyRequestsError, TransportError
from informers.reflector import Hooks, Reflector
from informers.source import WatchEvent
from informers.stop import Stop
from informers.store import Store
from tests.fakes.source import (
    Listed,
    ScriptedSource,
    added,
    bookmark,
    build,
    deleted,
    error,
    modified,
    thing,
)


def fail(error):
    raise error


EXPIRED = ExpiredError("410", code=410, reason="Expired")


class Run:
    """A reflector on a script, played to its end on this thread."""

    def __init__(self, lists, watches=(), **source):
        self.source = ScriptedSource(list(lists), list(watches), **source)
        self.changes = []
        self.failed, self.healthy, self.synced, self.stirred, self.broke = [], [], [], [], []
        self.store = Store(build, indexes={}, listener=self.changes.append)
        hooks = Hooks(
            self.failed.append,
            lambda: self.healthy.append(1),
            lambda: self.synced.append(len(self.store)),
            lambda: self.stirred.append(1),
            self.broke.append,
        )
        reflector = Reflector(
            self.source,
            self.store,
            hooks,
            monotonic=self.source.monotonic,
            random=self.source.random,
            wait=self.source.wait,
        )
        reflector.run(self.source.over)

    def held(self):
        return {view.name: view.resource_version for view in self.store.views()}


ONE = Listed([thing("a", 5)], 10)


def test_reflector_list_then_watch_rv():  # contracts R1, R10
    run = Run([ONE])
    assert run.source.listed == [("0", 500, "")]
    assert run.source.watched == [("10", 450)]
    assert run.held() == {"a": "5"}
    assert run.synced == [1]


@pytest.mark.parametrize(("random", "seconds"), [(0.0, 300), (0.999, 599)])
def test_watch_timeout_is_spread(random, seconds):  # contract R10
    class Spread(ScriptedSource):
        def random(self):
            return random

    source = Spread([ONE])
    hooks = Hooks(lambda _: None, lambda: None, lambda: None, lambda: None, fail)
    store = Store(build, indexes={}, listener=lambda _: None)
    Reflector(source, store, hooks, monotonic=source.monotonic, random=source.random, wait=source.wait).run(source.over)
    assert source.watched == [("10", seconds)]


def test_reflector_relist_uses_last_rv_no_time_travel():  # contract R2
    run = Run([ONE, Listed([], 20)], [[added("b", 12), error(500, "InternalError")], [bookmark(30)]])
    assert run.source.listed[:2] == [("0", 500, ""), ("12", 0, "")]
    assert run.source.watched[1][0] == "20"


def test_reflector_relist_unpaginated_unless_server_paged():  # contracts R2, R3
    pages = [Listed([thing("a")], 10, "next"), Listed([thing("b")], 11)]
    run = Run([*pages, Listed([], 20)], [[error(500, "x")]])
    assert run.source.listed == [("0", 500, ""), ("", 500, "next"), ("10", 500, "")]


def test_reflector_pagination_collects_all():  # contract R4
    names = [f"t{i:04}" for i in range(1203)]
    pages = [
        Listed([thing(n) for n in names[:500]], 77, "one"),
        Listed([thing(n) for n in names[500:1000]], 80, "two"),
        Listed([thing(n) for n in names[1000:]], 81),
    ]
    run = Run(pages)
    assert run.source.listed == [("0", 500, ""), ("", 500, "one"), ("", 500, "two")]
    assert sorted(run.held()) == names
    assert run.source.watched[0][0] == "77"


@pytest.mark.parametrize(
    "too_large",
    [
        ServerError("504", code=504, causes=(Cause("ResourceVersionTooLarge", "x", ""),)),
        ServerError("504", code=504, reason="Timeout", causes=(Cause("", "Too large resource version", ""),)),
        ServerError("504: Too large resource version: 9, current: 5", code=504, reason="Timeout"),
    ],
    ids=["cause type", "cause text", "status text"],
)
def test_reflector_too_large_rv(too_large):  # contract R6
    run = Run([ONE, too_large, Listed([], 20)], [[error(500, "x")]])
    assert run.source.listed == [("0", 500, ""), ("10", 0, ""), ("", 0, "")]
    assert len(run.source.waits) == 1
    assert run.failed == []


def test_other_timeouts_are_no_reason_for_a_consistent_read():  # contract R6
    run = Run([ONE, ServerError("504 slow", code=504, reason="Timeout"), ONE], [[error(500, "x")]])
    assert [version for version, _, _ in run.source.listed] == ["0", "10", "10"]


def test_expired_list_stays_consistent_until_one_succeeds():  # contract R5
    run = Run([ONE, EXPIRED, ServerError("500"), Listed([], 20), ONE], [[error(500, "x")], [error(500, "x")]])
    assert [version for version, _, _ in run.source.listed] == ["0", "10", "", "", "20"]


def test_consistent_list_that_expires_too_is_an_error():  # contract R5
    run = Run([ONE, EXPIRED, EXPIRED, ONE], [[error(500, "x")]])
    assert len(run.failed) == 1
    assert [version for version, _, _ in run.source.listed] == ["0", "10", "", ""]


def test_reflector_410_on_page_two_full_list():  # contract R7
    run = Run([Listed([thing("a")], 10, "next"), EXPIRED, Listed([thing("a", 2), thing("b")], 12)])
    assert run.source.listed == [("0", 500, ""), ("", 500, "next"), ("0", 0, "")]
    assert run.held() == {"a": "2", "b": "1"}
    assert run.source.watched[0][0] == "12"
    assert len(run.changes) == 2


def test_failed_page_leaves_the_store_as_it_was():  # contract R8
    half = [Listed([thing("b")], 20, "next"), ServerError("500")]
    run = Run([Listed([thing("a")], 10, ""), *half], [[error(500, "x")]])
    assert run.held() == {"a": "1"}
    assert len(run.failed) == 1


def test_listed_object_without_metadata_is_skipped(caplog):  # contract R17
    run = Run([Listed([{"kind": "Thing"}, thing("a")], 10)])
    assert run.held() == {"a": "1"}
    assert "Listed object without metadata skipped" in caplog.messages


def test_events_go_to_the_store():  # contract R11
    run = Run([ONE], [[added("b", 11), modified("a", 12), deleted("b", 13)]])
    assert run.held() == {"a": "12"}
    assert run.source.watched[1][0] == "13"
    assert len(run.stirred) == 3


def test_watch_bookmark_advances_rv_only():  # contract R11
    run = Run([ONE], [[bookmark(50)]])
    assert run.source.watched[1][0] == "50"
    assert run.held() == {"a": "5"}
    assert len(run.changes) == 1


def test_reflector_resumes_from_last_event_rv():  # contracts R11, R12
    run = Run([ONE], [[added("b", 12)], []])
    assert [version for version, _ in run.source.watched] == ["10", "12", "12"]
    assert len(run.source.listed) == 1
    assert run.source.waits == []


def test_reflector_very_short_watch_backs_off():  # contract R13
    run = Run([ONE, ONE], [[], []], watch_takes=0.5)
    assert len(run.source.waits) == 2
    assert len(run.source.listed) == 3


def test_short_watch_with_an_event_is_none():  # contract R13
    run = Run([ONE], [[bookmark(11)]], watch_takes=0.5)
    assert run.source.waits == []


def test_reflector_connection_refused_keeps_watching():  # contract R14
    run = Run([ONE], [TransportError("refused")] * 3)
    assert [version for version, _ in run.source.watched] == ["10"] * 4
    assert len(run.source.listed) == 1
    assert len(run.source.waits) == 3
    assert len(run.failed) == 3


def test_reflector_429_on_watch_no_relist():  # contract R14
    run = Run([ONE], [TooManyRequestsError("429")] * 4)
    assert len(run.source.listed) == 1
    assert len(run.source.watched) == 5


def test_429_within_the_stream_is_treated_alike():  # contract R14
    run = Run([ONE], [[bookmark(12), error(429, "TooManyRequests")]])
    assert len(run.source.listed) == 1
    assert run.source.watched[1][0] == "12"
    assert len(run.source.waits) == 1


def test_reflector_410_error_event_relists():  # contract R15
    run = Run([ONE, Listed([thing("b")], 20)], [[error(410, "Expired")]])
    assert [version for version, _, _ in run.source.listed] == ["0", "10"]
    assert run.held() == {"b": "1"}
    assert len(run.source.waits) == 1
    assert run.failed == []


@pytest.mark.parametrize("refusal", [ServerError("500"), ForbiddenError("403"), EXPIRED], ids=["500", "403", "410"])
def test_reflector_other_watch_error_relists(refusal):  # contracts R16, R22
    run = Run([ONE, ONE], [refusal])
    assert run.failed == [refusal]
    assert len(run.source.listed) == 2
    assert len(run.source.waits) == 1


def test_failed_list_is_told_once_and_tried_again():  # contract R16
    run = Run([ServerError("500"), ONE])
    assert len(run.failed) == 1
    assert run.source.listed[0] == run.source.listed[1]
    assert run.held() == {"a": "5"}


def test_health_is_told_after_list_and_watch():
    assert len(Run([ONE], [[bookmark(11)]]).healthy) == 3


@pytest.mark.parametrize(
    "bad",
    [
        added("b", 99, kind="Other"),
        bookmark(99).__class__("ADDED", {"kind": "Thing"}),
        bookmark(99).__class__("ADDED", {"kind": "Thing", "metadata": {"resourceVersion": "99"}}),
        bookmark(99).__class__("DELETED", {"kind": "Thing", "metadata": None}),
    ],
    ids=["wrong kind", "no metadata", "no name", "null metadata"],
)
def test_reflector_wrong_kind_event_skipped(bad, caplog):  # contract R17
    run = Run([ONE], [[bad, added("c", 12)], []])
    assert run.held() == {"a": "5", "c": "12"}
    assert "Bad watch event skipped" in caplog.messages
    only_bad = Run([ONE], [[bad]])
    assert only_bad.source.watched[1][0] == "10"


def test_reflector_unknown_event_type_ignored(caplog):  # contract R17
    run = Run([ONE], [[bookmark(11).__class__("FOO", thing("x", 11)), added("c", 12)]])
    assert run.held() == {"a": "5", "c": "12"}
    assert "Unknown watch event ignored" in caplog.messages


def test_reflector_backoff_sequence():  # contract R20
    run = Run([ServerError("500")] * 8)
    assert [wait / 1.5 for wait in run.source.waits] == pytest.approx([0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30])


def test_backoff_starts_over_after_two_quiet_minutes():  # contract R20
    run = Run(
        [ServerError("500"), ServerError("500"), ONE, ServerError("500")],
        [[lambda: None, error(500, "x")]],
        watch_takes=0,
    )
    assert len(run.source.waits) == 4
    quiet = Run(
        [ServerError("500"), ServerError("500"), ONE],
        [[bookmark(11)], [bookmark(12)], [error(500, "x")]],
        watch_takes=121,
    )
    assert quiet.source.waits[-1] == pytest.approx(0.8 * 1.5)


def test_stop_in_the_middle_of_a_watch_reads_no_further():  # contract R23
    source = ScriptedSource([ONE])
    stop = Stop()
    source.watches = [[added("b", 11), stop.set, added("c", 12)]]
    store = Store(build, indexes={}, listener=lambda _: None)
    hooks = Hooks(lambda _: None, lambda: None, lambda: None, lambda: None, fail)
    Reflector(source, store, hooks, monotonic=source.monotonic, random=source.random, wait=source.wait).run(stop)
    assert len(store) == 2
    assert len(source.watched) == 1


def test_abandoned_list_changes_nothing():  # contract R23
    stop = Stop()

    class Stopped(ScriptedSource):
        def list(self, **request):
            page = super().list(**request)
            stop.set()
            return page

    source = Stopped([ONE])
    store = Store(build, indexes={}, listener=lambda _: None)
    hooks = Hooks(lambda _: None, lambda: None, lambda: None, lambda: None, fail)
    Reflector(source, store, hooks, monotonic=source.monotonic, random=source.random, wait=source.wait).run(stop)
    assert len(store) == 0


@pytest.mark.parametrize("where", ["list", "watch", "retry"])
def test_error_after_stop_is_told_nobody(where):  # contract R23
    stop = Stop()
    failed = []

    class Failing(ScriptedSource):
        def list(self, **request):
            if where == "list":
                stop.set()
                raise ServerError("cut")
            return super().list(**request)

        def watch(self, **request):
            if where == "watch":
                stop.set()
            raise TransportError("cut")

        def wait(self, stop, seconds):
            stop.set()
            return True

    source = Failing([ONE])
    hooks = Hooks(failed.append, lambda: None, lambda: None, lambda: None, fail)
    store = Store(build, indexes={}, listener=lambda _: None)
    Reflector(source, store, hooks, monotonic=source.monotonic, random=source.random, wait=source.wait).run(stop)
    assert len(failed) == (1 if where == "retry" else 0)


TOO_LARGE = ServerError("504", code=504, causes=(Cause("ResourceVersionTooLarge", "x", ""),))


def test_server_that_was_restored_from_a_backup_is_believed():  # contracts S20, R6
    before = Listed([thing("a", 900), thing("b", 950)], 1000)
    run = Run([before, TOO_LARGE, Listed([thing("a", 400)], 500)], [[error(504, "Timeout")], [modified("a", 501)]])
    assert [version for version, _, _ in run.source.listed] == ["0", "1000", ""]
    assert [version for version, _ in run.source.watched] == ["1000", "500", "501"]
    assert run.held() == {"a": "501"}


@pytest.mark.parametrize(
    "again",
    [added("b", 99, kind="Other"), bookmark(10), added("a", "9" * 400), WatchEvent("ADDED", {"kind": "Thing"})],
    ids=["another kind", "a bookmark of the same version", "a version of 400 digits", "no metadata"],
)
def test_server_that_repeats_one_event_and_ends_is_no_hot_loop(again):  # contracts R13, R17
    run = Run([ONE] * 6, [[again]] * 6, watch_takes=0.0)
    assert len(run.source.waits) >= 6
    assert {version for version, _ in run.source.watched} == {"10"}
    assert run.held() == {"a": "5"}


@pytest.mark.parametrize(
    ("asked", "waited"),
    [(5.0, 5.0), (0.1, 1.2), (99_999_999_999.0, 60.0), (float("inf"), 60.0), (float("nan"), 1.2), (-5.0, 1.2)],
)
def test_wait_that_the_server_asks_for_is_heeded_within_bounds(asked, waited):  # contracts R14, R16, C3
    busy = TooManyRequestsError("429", code=429, retry_after=asked)
    assert Run([busy, ONE]).source.waits == pytest.approx([waited])
    assert Run([ONE], [busy]).source.waits == pytest.approx([waited])
    down = ServerError("503", code=503, retry_after=asked)
    assert Run([down, ONE]).source.waits == pytest.approx([waited])
    assert Run([ONE, ONE], [down]).source.waits == pytest.approx([waited])


def test_wait_that_is_asked_for_within_a_stream_is_heeded_once():  # contract R14
    event = error(429, "TooManyRequests")
    event.object["details"] = {"retryAfterSeconds": 7}
    run = Run([ONE], [[bookmark(12), event], TransportError("refused")])
    assert run.source.waits == pytest.approx([7.0, 2.4])


def test_bug_is_told_and_tried_again_with_the_same_back_off():  # contracts R16, R20, R21
    class Broken(ScriptedSource):
        def list(self, **request):
            if len(self.listed) < 4:
                self.listed.append(("", 0, ""))
                raise OverflowError("a bug")
            return super().list(**request)

    source = Broken([ONE])
    broke = []
    hooks = Hooks(fail, lambda: None, lambda: None, lambda: None, broke.append)
    store = Store(build, indexes={}, listener=lambda _: None)
    Reflector(source, store, hooks, monotonic=source.monotonic, random=source.random, wait=source.wait).run(source.over)
    assert [str(bug) for bug in broke] == ["a bug"] * 4
    assert [wait / 1.5 for wait in source.waits] == pytest.approx([0.8, 1.6, 3.2, 6.4])
    assert len(store) == 1


LATER = 301.0  # seconds of silence, after which a server is asked for its version


def test_server_that_went_back_while_it_was_away_is_believed_when_it_is_there_again(caplog):  # contracts R25, S20
    before = Listed([thing("a", 900), thing("b", 950)], 1000)
    asked, after = Listed([thing("a", 400)], 500, "more"), Listed([thing("a", 400)], 501)
    run = Run([before, asked, after], [TransportError("refused"), [], [modified("a", 502)]])
    assert run.source.listed == [("0", 500, ""), ("", 1, ""), ("", 0, "")]
    assert [version for version, _ in run.source.watched] == ["1000", "1000", "501", "502"]
    assert run.held() == {"a": "502"}
    assert len(run.failed) == 1
    (told,) = [record for record in caplog.records if record.name == "informers.doubt"]
    assert told.message == "The API server went back to lower versions, listing again"
    assert (told.resource, told.before, told.now) == ("things", "1000", "500")


def test_server_that_went_back_behind_our_own_write_is_believed():  # contracts R25, S20
    """The answer to a write is in the store before its event has come: no version of the watch tells of it."""
    ahead = Listed([thing("a", 900)], 10)
    run = Run(
        [ahead, Listed([], 20), Listed([thing("a", 15)], 20)], [TransportError("refused"), [], [modified("a", 21)]]
    )
    assert run.source.listed == [("0", 500, ""), ("", 1, ""), ("", 0, "")]
    assert run.held() == {"a": "21"}


def test_server_that_was_away_and_has_not_gone_back_is_watched_on():  # contract R25
    asked = Listed([thing("a", 5)], 10)
    run = Run([ONE, asked], [TransportError("refused"), TransportError("refused"), [added("b", 11)], []])
    assert run.source.listed == [("0", 500, ""), ("", 1, "")]
    assert [version for version, _ in run.source.watched] == ["10", "10", "10", "11", "11"]
    assert run.held() == {"a": "5", "b": "11"}


def test_watch_that_went_on_over_five_minutes_in_silence_is_asked_for_the_version():  # contract R25
    back = [Listed([], 4), Listed([thing("a", 3)], 4)]
    run = Run([ONE, *back], [[], [], [added("b", 6)]], watch_takes=LATER)
    assert run.source.listed == [("0", 500, ""), ("", 1, ""), ("", 0, "")]
    assert [version for version, _ in run.source.watched] == ["10", "10", "4", "6"]
    assert run.held() == {"a": "3", "b": "6"}


def test_server_that_says_something_every_five_minutes_is_asked_nothing():  # contract R25
    run = Run([ONE], [[bookmark(version)] for version in (11, 12, 13, 13)], watch_takes=LATER - 2)
    assert run.source.listed == [("0", 500, "")]
    slow = Run([ONE, Listed([], 12)], [[bookmark(11)], [], [bookmark(12)]], watch_takes=200.0)
    assert len(slow.source.watched) == 4
    assert slow.source.listed == [("0", 500, ""), ("", 1, "")]  # 400 s after the first bookmark, and once


@pytest.mark.parametrize("version", ["opaque", "10"])
def test_version_that_cannot_be_compared_or_is_ours_is_no_reason_to_list(version):  # contracts R25, S20
    run = Run([ONE, Listed([], version)], [TransportError("refused"), []])
    assert len(run.source.listed) == 2
    assert [version for version, _ in run.source.watched] == ["10", "10", "10"]


@pytest.mark.parametrize(
    ("refusal", "lists"),
    [(TransportError("cut"), 3), (TooManyRequestsError("429"), 3), (ServerError("500"), 3)],
    ids=["no answer", "throttled", "failed"],
)
def test_question_that_fails_is_asked_again_unless_a_list_comes_first(refusal, lists):  # contracts R25, R14, R16
    run = Run([ONE, refusal, Listed([], 10)], [TransportError("refused"), [], []])
    assert run.failed[1:] == [refusal]
    assert len(run.source.waits) == 2
    assert len(run.source.listed) == lists
    assert run.source.listed[2] == (("10", 0, "") if isinstance(refusal, ServerError) else ("", 1, ""))


def test_stop_before_the_question_asks_nothing():  # contracts R23, R25
    run = Run([ONE], [TransportError("refused")])
    assert run.source.listed == [("0", 500, "")]
