"""Hosts: two spellings of one service are equal."""

import pytest

from router.hosts import Host, normalise


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        pytest.param("podinfo", Host("podinfo", "test"), id="a short name belongs to the namespace"),
        pytest.param("podinfo.other", Host("podinfo", "other"), id="a name of two parts is of the other namespace"),
        pytest.param("podinfo.other.svc", Host("podinfo", "other"), id="svc may follow"),
        pytest.param("podinfo.other.svc.cluster", Host("podinfo", "other"), id="a part of the suffix may follow"),
        pytest.param("podinfo.other.svc.cluster.local", Host("podinfo", "other"), id="full name"),
        pytest.param(
            "Podinfo.Other.svc.cluster.local.", Host("podinfo", "other"), id="case and the last dot don't count"
        ),
        pytest.param("www.example.com", Host("www.example.com", ""), id="anything else is outside"),
        pytest.param(
            "podinfo.other.svc.corp.local",
            Host("podinfo.other.svc.corp.local", ""),
            id="a cluster with a domain of its own",
        ),
        pytest.param("podinfo.other.svc.cluster.local.x", Host("podinfo.other.svc.cluster.local.x", ""), id="too long"),
    ],
)
def test_host_is_normalised(host, expected):  # behaviour 1
    assert normalise(host, "test") == expected
