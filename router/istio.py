"""Istio's kind of route."""

from informers.kinds import READ, WatchedKind
from informers.resources import ApiKind
from router.adapter import WeightedRouter
from router.kinds import RouteKind
from router.virtualservice import SHAPE, view

VIRTUAL_SERVICES = ApiKind("networking.istio.io", ("v1", "v1beta1", "v1alpha3"), "virtualservices", "VirtualService")

VIRTUAL_SERVICE = RouteKind(
    WatchedKind(
        VIRTUAL_SERVICES,
        view,
        verbs={"": (*READ, "patch")},
        install="Install Istio 1.0 or newer, for example with `istioctl install`.",
        shape=SHAPE,
    ),
    WeightedRouter,
)
