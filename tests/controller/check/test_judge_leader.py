"""Whether a controller leads, and which Prometheus it asks."""

from dataclasses import replace
from datetime import timedelta

import pytest

from controller.check.facts import Leader, NoApi, NoLease, Unknown
from controller.check.judge import judge
from tests.controller.check.facts_builders import api, bad, facts

SILENT = "No controller leads: the Lease in namespace istio-system is not renewed"
LEADER = Leader("istio-system", "flagger-1_x", timedelta(seconds=2), "http://prometheus:9090")


@pytest.mark.parametrize(
    ("leader", "found"),
    [
        pytest.param(None, [], id="not asked"),
        pytest.param(LEADER, [], id="one that asks the same Prometheus"),
        pytest.param(replace(LEADER, silent=timedelta(seconds=-50)), [], id="a clock that is ahead"),
        pytest.param(replace(LEADER, metrics_server=""), [], id="one that does not say whom it asks"),
        pytest.param(
            replace(LEADER, metrics_server="http://thanos:9090"),
            [
                (
                    "warning",
                    "OtherMetricsServer",
                    (
                        "The controller that leads asks Prometheus at http://thanos:9090; "
                        "this check has asked http://prometheus:9090"
                    ),
                )
            ],
            id="one that asks another",
        ),
        pytest.param(
            NoLease("blue"),
            [("warning", "NoLeader", "No controller has led yet: there is no Lease in namespace blue")],
            id="none yet",
        ),
        pytest.param(
            replace(LEADER, silent=timedelta(seconds=61)),
            [
                (
                    "warning",
                    "NoLeader",
                    f"{SILENT}; the last one was flagger-1_x",
                )
            ],
            id="one that is silent",
        ),
        pytest.param(
            replace(LEADER, silent=None),
            [
                (
                    "warning",
                    "NoLeader",
                    f"{SILENT}; the last one was flagger-1_x",
                )
            ],
            id="one that has never renewed",
        ),
        pytest.param(
            replace(LEADER, holder=""),
            [("warning", "NoLeader", SILENT)],
            id="one that was released",
        ),
        pytest.param(
            Unknown("500"),
            [("warning", "CannotTell", "Whether a controller leads cannot be told: 500")],
            id="no answer",
        ),
    ],
)
def test_who_leads(leader, found):
    assert bad(facts(api=api(leader=leader))) == found


def test_leader_is_told_where_the_findings_are_for_programs():
    (finding,) = [f for f in judge(facts(api=api(leader=LEADER))) if f.check == "controller"]
    assert finding.what == "flagger-1_x leads"
    assert [f for f in judge(facts(api=NoApi("away", refused=False))) if f.check == "controller"] == []
