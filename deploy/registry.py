"""Which workload kinds are supported. A new kind is one adapter and one line here."""

from collections.abc import Callable, Mapping

from deploy.deployments import DeploymentDeployer
from deploy.types import Deployer, Workload
from informers.types import Cache, Writer

DEPLOYERS: Mapping[str, Callable[[Cache[Workload], Writer], Deployer]] = {
    "Deployment": DeploymentDeployer,
}
