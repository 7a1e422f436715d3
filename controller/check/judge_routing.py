"""Whether requests can go where the weights say. Pure.

No gate of the controller asks for it: a rollout goes on, and what it measures is not what it was told to measure.
"""

from collections.abc import Iterator

from controller.check.facts import Api, Facts
from controller.check.findings import Finding, Reason, problem, warning
from controller.core.canary import CanarySpec
from controller.core.world import World
from deploy.types import Workload
from informers.keys import key_of
from router.services import SERVICES


def routing(facts: Facts) -> Iterator[Finding]:
    """Each service leads to one side, and somebody asks for the hosts of the route."""
    if not isinstance(facts.api, Api):
        return
    for world in facts.worlds:
        spec = world.canary.spec
        if isinstance(spec, CanarySpec) and not world.canary.deleting:
            about = key_of(world.canary.namespace, world.canary.name)
            sees = facts.api.objects.sees
            if sees(SERVICES.kind, world.canary.namespace) and sees(spec.target_kind, world.canary.namespace):
                yield from _services(world, spec, about)
            yield from _hosts(world, spec, about)


def _services(world: World, spec: CanarySpec, about: str) -> Iterator[Finding]:
    """A service that selects the pods of both sides sends part of either's share to the other."""
    if not isinstance(world.primary, Workload) or not isinstance(world.canary_workload, Workload):
        return
    labels = (world.primary.pod_labels, world.canary_workload.pod_labels)
    for side, backend in ((spec.primary, world.primary_backend), (spec.canary, world.canary_backend)):
        if not backend.selector or None in labels or not all(backend.leads_to(of) for of in labels):
            continue
        selector = ",".join(f"{key}={value}" for key, value in backend.selector)
        said = (
            f"Service {side.host} selects {selector}, which pods of {spec.primary.name} and {spec.canary.name} have: "
            "requests to either host reach both versions, whatever the weights are"
        )
        edit = f"kubectl -n {world.canary.namespace} edit service {side.host}"
        fix = f"{edit}: select by a label that only pods of {side.name} have"
        yield problem("canaries", Reason.SERVICE_SELECTS_BOTH, said, fix, about)


def _hosts(world: World, spec: CanarySpec, about: str) -> Iterator[Finding]:
    """Callers within the mesh ask for services; the weights are for whoever asks for a host of the route."""
    if world.route is None or not world.route.only_for:
        return
    said = (
        f"The route {spec.route_name} is for {', '.join(world.route.only_for)} and names no gateway: "
        f"callers within the mesh ask for {spec.primary.host}, and their requests are not split"
    )
    fix = (
        f"kubectl -n {world.canary.namespace} edit {spec.route_kind.lower()} {spec.route_name}: "
        f"add {spec.primary.host} to spec.hosts, or name in spec.gateways the gateway that the requests come through"
    )
    yield warning("canaries", Reason.HOSTS_NOT_ASKED, said, fix, about)
