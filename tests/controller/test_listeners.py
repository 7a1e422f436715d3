"""Who hears of rollouts: nobody outside the process in a dry run."""

from controller.core import events
from controller.dry_run import DryRunWatcher
from controller.exporter.registry import make_registry
from controller.exporter.rollouts import RolloutExporter
from controller.listeners import make_recorders, make_watchers
from tests.controller.core.builders import NOW, canary


class Sink:
    def __init__(self):
        self.created = []

    def create(self, _resource, namespace, obj):
        self.created.append((namespace, obj["message"]))
        return obj


def heard_by(sink, *, dry_run):
    recorders = make_recorders(sink, dry_run=dry_run, now=lambda: NOW, dropped=lambda: None)
    for recorder in recorders:
        recorder.start()
        recorder.record(canary(), events.advance("podinfo.test", 15))
        recorder.close()
        assert not any(thread.is_alive() for thread in recorder._threads)


def test_events_reach_the_cluster_but_not_in_a_dry_run(caplog):
    caplog.set_level("INFO")
    real, dry = Sink(), Sink()
    heard_by(real, dry_run=False)
    heard_by(dry, dry_run=True)
    assert (real.created, dry.created) == ([("test", "Advance podinfo.test canary weight 15")], [])
    assert caplog.messages.count("Advance podinfo.test canary weight 15") == 2


def test_watchers_of_a_dry_run_hear_of_nothing_that_was_decided():
    (watcher,) = make_watchers(make_registry(), dry_run=False)
    assert isinstance(watcher, RolloutExporter)
    (watcher,) = make_watchers(make_registry(), dry_run=True)
    assert isinstance(watcher, DryRunWatcher)
