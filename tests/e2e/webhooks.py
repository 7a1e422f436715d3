"""An admission webhook in front of the VirtualServices of a namespace: a story can have writes wait there."""

import base64
import json
import ssl
import threading
import time
from http import HTTPStatus
from typing import Any

import httpx
import trustme

from testbed.processes import pause
from testbed.sandbox.loopback import Handler, Loopback

Json = dict[str, Any]

WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
LONGEST_SECONDS = 30  # that an API server waits for a webhook; the write fails then, and is tried again
_PATIENCE_SECONDS = 120.0  # as in testbed/sandbox/api/server.py
_LOOK_SECONDS = 0.05


class RouteWebhook:
    """Lets every write of a route pass. Those of one user wait while ``opened`` is not set, and may be denied then."""

    def __init__(self, api: httpx.Client, namespace: str, user: str) -> None:
        """Take the API server, as an administrator, the namespace, and whose writes can be made to wait."""
        self.opened = threading.Event()
        self.opened.set()
        self.in_vain = False  # whether a write that comes now, and waits, is denied
        self.user = user
        self.asked = threading.Event()
        self._api = api
        self._namespace = namespace
        self._authority = trustme.CA()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert("127.0.0.1").configure_cert(tls)
        handler = type("WebhookHandler", (_WebhookHandler,), {"webhook": self})
        self._server = Loopback(handler, port=0, name="webhook", tls=tls)

    def start(self) -> None:
        """Serve, and return once the API server asks."""
        self._server.start()
        self._api.post(WEBHOOKS, json=self._configuration()).raise_for_status()
        route = f"/apis/networking.istio.io/v1/namespaces/{self._namespace}/virtualservices/podinfo"
        headers = {"Content-Type": "application/merge-patch+json"}
        deadline = time.monotonic() + LONGEST_SECONDS
        while not self.asked.is_set():
            assert time.monotonic() < deadline, "the API server does not ask the webhook"
            tried = {"metadata": {"annotations": {"tried": "yes"}}}
            self._api.patch(f"{route}?dryRun=All", json=tried, headers=headers).raise_for_status()
            pause(_LOOK_SECONDS)

    def stop(self) -> None:
        """Have the API server ask nobody, and stop."""
        self.opened.set()
        self._api.delete(f"{WEBHOOKS}/{self._namespace}").raise_for_status()
        self._server.stop()

    def _configuration(self) -> Json:
        routes = {"apiGroups": ["networking.istio.io"], "apiVersions": ["*"], "resources": ["virtualservices"]}
        authority = base64.b64encode(self._authority.cert_pem.bytes()).decode()
        webhook = {
            "name": "routes.story.test",
            "admissionReviewVersions": ["v1"],
            "clientConfig": {"url": f"{self._server.url}/", "caBundle": authority},
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self._namespace}},
            "rules": [{**routes, "operations": ["UPDATE"]}],
            "sideEffects": "None",
            "timeoutSeconds": LONGEST_SECONDS,
        }
        return {"metadata": {"name": self._namespace}, "webhooks": [webhook]}


class _WebhookHandler(Handler):
    """One connection of the API server."""

    webhook: RouteWebhook

    def do_POST(self) -> None:  # noqa: N802  # the name is inherited
        """Allow what is asked, sooner or later."""
        asked = json.loads(self.read_body())["request"]
        self.webhook.asked.set()
        denied = False
        if asked["userInfo"]["username"] == self.webhook.user:
            denied = self.webhook.in_vain
            self.webhook.opened.wait(_PATIENCE_SECONDS)
        answer = {"uid": asked["uid"], "allowed": not denied}
        body = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": answer}
        self.send(HTTPStatus.OK, json.dumps(body).encode(), "application/json")
