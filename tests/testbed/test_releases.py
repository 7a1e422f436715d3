"""Another release of Kubernetes: what Go is told to build."""

import pytest

from testbed.cluster.binaries import BuildError
from testbed.cluster.releases import find_release, go_mod

THEIRS = """\
module k8s.io/kubernetes

go 1.22.0

require (
	k8s.io/api v0.0.0
	k8s.io/kube-openapi v0.0.0-20240228011516-70dd3763d340
	k8s.io/mount-utils v0.0.0 // indirect
	k8s.io/klog/v2 v2.120.1
)

replace (
	k8s.io/api => ./staging/src/k8s.io/api
)
"""


def test_own_modules_are_replaced_by_their_release():
    lines = go_mod("1.30.14", THEIRS).splitlines()
    assert "require k8s.io/kubernetes v1.30.14" in lines
    assert [line for line in lines if line.startswith("replace ")] == [
        "replace k8s.io/api => k8s.io/api v0.30.14",
        "replace k8s.io/mount-utils => k8s.io/mount-utils v0.30.14",
    ]


def test_language_is_theirs():
    assert "go 1.22.0" in go_mod("1.30.14", THEIRS).splitlines()


@pytest.mark.parametrize("version", ["v1.30.14", "1.30", "latest", ""])
def test_release_that_makes_no_sense_is_refused_before_anything_is_fetched(tmp_path, version):
    with pytest.raises(BuildError, match=r"looks like 1\.30\.14"):
        find_release(version, tmp_path, pytest.fail)
