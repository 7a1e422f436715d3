"""What the process does, in numbers."""

from datetime import timedelta

import pytest

from controller import __version__
from controller.exporter.process import ProcessExporter
from tests.controller.exporter.scrape import Scrape


@pytest.fixture
def scrape():
    return Scrape()


@pytest.fixture
def exporter(scrape):
    return ProcessExporter(scrape.registry)


def test_version_is_shown(scrape, exporter):
    assert scrape.value("flagger_info", version=__version__) == 1


def test_requests_to_the_api_server(scrape, exporter):
    exporter.counted_kubernetes("patch", "canaries", 409, 0.25)
    exporter.counted_kubernetes("patch", "deployments", 0, 5.0)
    assert scrape.value("flagger_kubernetes_requests_total", verb="patch", resource="canaries", code="409") == 1
    assert scrape.value("flagger_kubernetes_requests_total", verb="patch", resource="deployments", code="0") == 1
    assert scrape.value("flagger_kubernetes_request_duration_seconds_sum", verb="patch") == 5.25


def test_queries(scrape, exporter):
    exporter.counted_prometheus("value", 0.2)
    assert scrape.value("flagger_prometheus_requests_total", outcome="value") == 1
    assert scrape.value("flagger_prometheus_request_duration_seconds_sum") == pytest.approx(0.2)


def test_rounds_events_errors_and_the_lead(scrape, exporter):  # contract L12
    exporter.late(timedelta(seconds=0.3))
    exporter.event_dropped()
    exporter.reconcile_began()
    exporter.reconcile_began()
    exporter.reconcile_ended("conflict", "ConflictError")
    exporter.throttled("test")
    exporter.leads("flagger-leader-election", leading=True)
    assert scrape.value("flagger_round_lateness_seconds_sum") == pytest.approx(0.3)
    assert scrape.value("flagger_events_dropped_total") == 1
    assert scrape.value("flagger_reconcile_total", result="conflict") == 1
    assert scrape.value("flagger_reconcile_errors_total", error="ConflictError") == 1
    assert scrape.value("flagger_active_workers") == 1
    assert scrape.value("flagger_reconcile_throttled_total", namespace="test") == 1
    assert scrape.value("leader_election_master_status", name="flagger-leader-election") == 1
    exporter.leads("flagger-leader-election", leading=False)
    assert scrape.value("leader_election_master_status", name="flagger-leader-election") == 0


def test_counters_show_a_zero_before_the_first_of_what_they_count(scrape, exporter):
    exporter.preset(["bug"], ["InvalidError"], [("patch", "canaries")])
    assert scrape.value("flagger_reconcile_total", result="bug") == 0
    assert scrape.value("flagger_reconcile_errors_total", error="InvalidError") == 0
    assert scrape.value("flagger_kubernetes_requests_total", verb="patch", resource="canaries", code="403") == 0
