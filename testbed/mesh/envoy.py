"""How a proxy begins: who it is, where its agent is, and where its numbers are. All else it learns from istiod."""

from ipaddress import IPv4Address
from typing import Any

from testbed.mesh.agent import PROXY_SOCKET, SECRETS_SOCKET, kind_of
from testbed.mesh.mounts import account_of

Json = dict[str, Any]

ADMIN = 15000
NUMBERS = 15090  # /stats/prometheus and /ready, as Istio's own sidecars have it


def bootstrap(pod: Json, address: IPv4Address) -> Json:
    """Return the configuration with which the proxy of a pod starts.

    Args:
        pod: the pod. By its labels istiod finds what concerns it.
        address: its address.
    """
    meta = pod["metadata"]
    namespace, name, labels = meta["namespace"], meta["name"], meta.get("labels", {})
    return {
        "node": {
            "id": f"{kind_of(meta)}~{address}~{name}.{namespace}~{namespace}.svc.cluster.local",
            "cluster": f"{labels.get('app', name)}.{namespace}",
            "metadata": {
                "NAMESPACE": namespace,
                "NAME": name,
                "SERVICE_ACCOUNT": account_of(pod),
                "LABELS": labels,
                "CLUSTER_ID": "Kubernetes",
                "INSTANCE_IPS": str(address),
                "INTERCEPTION_MODE": "REDIRECT",
                "ISTIO_VERSION": "1.31.0",
            },
        },
        "stats_flush_interval": "1s",  # of histograms; by default as long as the windows of a quick rollout
        "admin": {"address": _address("127.0.0.1", ADMIN)},
        "dynamic_resources": {
            "ads_config": {
                "api_type": "DELTA_GRPC",
                "transport_api_version": "V3",
                "set_node_on_first_message_only": True,
                "grpc_services": [{"envoy_grpc": {"cluster_name": "xds-grpc"}}],
            },
            "cds_config": _FROM_ISTIOD,
            "lds_config": _FROM_ISTIOD,
        },
        "static_resources": {
            "clusters": [
                {**_cluster("xds-grpc", _pipe(PROXY_SOCKET)), **_HTTP2},
                {**_cluster("sds-grpc", _pipe(SECRETS_SOCKET)), **_HTTP2},
                _cluster("admin", _address("127.0.0.1", ADMIN)),
            ],
            "listeners": [{"address": _address("0.0.0.0", NUMBERS), "filter_chains": [{"filters": [_NUMBERS]}]}],
        },
    }


_TYPES = "type.googleapis.com/envoy.extensions"
_FROM_ISTIOD = {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"}
_HTTP2 = {
    "typed_extension_protocol_options": {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": f"{_TYPES}.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}},
        }
    }
}
_NUMBERS = {
    "name": "envoy.filters.network.http_connection_manager",
    "typed_config": {
        "@type": f"{_TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "numbers",
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "numbers",
                    "domains": ["*"],
                    "routes": [
                        {"match": {"prefix": "/stats/prometheus"}, "route": {"cluster": "admin"}},
                        {"match": {"path": "/ready"}, "route": {"cluster": "admin"}},
                    ],
                }
            ]
        },
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_TYPES}.filters.http.router.v3.Router"},
            }
        ],
    },
}


def _cluster(name: str, address: Json) -> Json:
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": endpoints},
    }


def _address(host: str, port: int) -> Json:
    return {"socket_address": {"address": host, "port_value": port}}


def _pipe(path: str) -> Json:
    return {"pipe": {"path": path}}
