"""How a proxy begins: who it is, where istiod is, and where its numbers are. All else it learns from istiod."""

from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Any

import yaml

from hack.mesh.network import NODE

Json = dict[str, Any]

XDS = 15010
ADMIN = 15000
NUMBERS = 15090  # /stats/prometheus and /ready, as Istio's own sidecars have it


def bootstrap(meta: Json, address: IPv4Address) -> Json:
    """Return the configuration with which the proxy of a pod starts; ValueError if its annotation makes no sense.

    Args:
        meta: the metadata of the pod. By its labels istiod finds what concerns it.
        address: its address.
    """
    namespace, pod, labels = meta["namespace"], meta["name"], meta.get("labels", {})
    return {
        "node": {
            "id": f"{kind_of(meta)}~{address}~{pod}.{namespace}~{namespace}.svc.cluster.local",
            "cluster": f"{labels.get('app', pod)}.{namespace}",
            "metadata": {
                "NAMESPACE": namespace,
                "NAME": pod,
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
                {**_cluster("xds-grpc", *discovery(meta.get("annotations", {}))), **_HTTP2, **_KEEPALIVE},
                _cluster("admin", "127.0.0.1", ADMIN),
            ],
            "listeners": [{"address": _address("0.0.0.0", NUMBERS), "filter_chains": [{"filters": [_NUMBERS]}]}],
        },
    }


def kind_of(meta: Json) -> str:
    """Return what the proxy of a pod is to istiod: a router if the pod asks to be made a gateway, else a sidecar.

    Source: gateway injection of Istio, where the pod has one container, istio-proxy, with the image ``auto``.
    """
    gateway = meta.get("annotations", {}).get("inject.istio.io/templates") == "gateway"
    return "router" if gateway else "sidecar"


def discovery(annotations: Mapping[str, str]) -> tuple[str, int]:
    """Return address and port of istiod, of which a pod may name others than the mesh's; ValueError if it does not.

    Source: the annotation proxy.istio.io/config of Istio, a ProxyConfig in YAML; of it ``discoveryAddress`` only.
    """
    config = yaml.safe_load(annotations.get(_PROXY_CONFIG, "")) or {}
    address = str(config.get("discoveryAddress", f"{NODE}:{XDS}"))
    host, _, port = address.rpartition(":")
    try:
        return str(IPv4Address(host)), int(port)
    except ValueError as error:
        raise ValueError(f"discoveryAddress in {_PROXY_CONFIG} must be IPv4:PORT, not {address}") from error


_PROXY_CONFIG = "proxy.istio.io/config"
_TYPES = "type.googleapis.com/envoy.extensions"
_FROM_ISTIOD = {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"}
_KEEPALIVE = {
    "upstream_connection_options": {
        "tcp_keepalive": {"keepalive_time": 300},
    },
}
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


def _cluster(name: str, host: str, port: int) -> Json:
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": _address(host, port)}}]}]
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": endpoints},
    }


def _address(host: str, port: int) -> Json:
    return {"socket_address": {"address": host, "port_value": port}}
