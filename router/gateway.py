"""The Gateway API's kind of route."""

from informers.kinds import READ, WatchedKind
from informers.resources import ApiKind
from router.adapter import WeightedRouter
from router.httproute import SHAPE, view
from router.kinds import RouteKind

HTTP_ROUTES = ApiKind("gateway.networking.k8s.io", ("v1", "v1beta1"), "httproutes", "HTTPRoute")

HTTP_ROUTE = RouteKind(
    WatchedKind(
        HTTP_ROUTES,
        view,
        verbs={"": (*READ, "patch")},
        grant="httpRoutes",
        install="Install the CustomResourceDefinitions of the Gateway API, or delete the canaries that name it.",
        shape=SHAPE,
    ),
    WeightedRouter,
)
