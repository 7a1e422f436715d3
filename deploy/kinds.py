"""What a workload kind is to everybody else: how it is watched, and what scales and promotes it."""

from collections.abc import Callable
from dataclasses import dataclass

from deploy.types import Deployer, Workload
from informers.kinds import WatchedKind
from informers.resources import Resource
from informers.types import Cache, Writer

MakeDeployer = Callable[[Cache[Workload], Writer, Callable[[], Resource]], Deployer]
"""Makes an adapter of the cache, of what writes, and of what returns the kind at the version that is served."""


@dataclass(frozen=True, slots=True)
class WorkloadKind:
    """A value of ``spec.targetKind``."""

    watched: WatchedKind[Workload]
    make: MakeDeployer
