"""The record that watches make is the one that the store makes, but for who wrote."""

import httpx
import pytest

from controller.lifecycle import USER_AGENT
from testbed.sandbox.cluster import wall_clock
from tests.invariants.record import Recorder
from tests.invariants.watching import watching, writer_of
from tests.system.harness import objects, stage


def recorder():
    return Recorder("test", now=lambda: wall_clock().timestamp())


def seen(record):
    return [(c.resource, c.name, c.before, c.after, c.version) for c in record.record().changes]


def test_watches_show_what_the_store_holds(tmp_path):
    stored, watched = recorder(), recorder()
    with stage(tmp_path) as on:
        stored.listen_to(on.cluster.api.store, USER_AGENT)
        on.add(*objects("workloads/primary-service"))
        with watching(httpx.Client(base_url=on.cluster.api.url), watched):
            on.add(*objects("workloads/virtual-service"))
            on.change(
                ("networking.istio.io", "virtualservices"), "podinfo", lambda obj: obj["spec"].update(hosts=["a"])
            )
            on.delete(("networking.istio.io", "virtualservices"), "podinfo")
            on.until(lambda: len(seen(watched)) == len(seen(stored)), every_change=False)
    assert len(seen(watched)) == 4
    for ours, theirs in zip(seen(stored), seen(watched), strict=True):
        assert [ours[0], ours[1], ours[4]] == [theirs[0], theirs[1], theirs[4]]
        assert bool(ours[2]) == bool(theirs[2])
        assert bool(ours[3]) == bool(theirs[3])


def entry(manager, time, **more):
    return {"manager": manager, "operation": "Update", "time": time, **more}


@pytest.mark.parametrize(
    ("before", "after", "writer"),
    [
        pytest.param(None, [entry("kubectl", "1")], "kubectl", id="who creates it"),
        pytest.param(
            [entry("kubectl", "1")], [entry("kubectl", "1"), entry("flagger", "2")], "flagger", id="a first write"
        ),
        pytest.param([entry("flagger", "1")], [entry("flagger", "2")], "flagger", id="another write"),
        pytest.param(
            [entry("flagger", "1")],
            [entry("flagger", "1"), entry("flagger", "2", subresource="status")],
            "flagger",
            id="a write of the status",
        ),
        pytest.param([entry("flagger", "1")], [entry("flagger", "1")], "", id="nobody whom the fields name"),
        pytest.param([], [], "", id="no fields at all"),
    ],
)
def test_who_wrote_is_read_from_the_managed_fields(before, after, writer):
    def of(fields):
        return {"metadata": {"managedFields": fields}}

    assert writer_of(of(before) if before is not None else None, of(after)) == writer
