"""The one lease of an API server, with the versions and the errors of the real one."""

import copy
import threading

from informers.errors import AlreadyExistsError, ConflictError, NotFoundError, TransportError


class FakeLeases:
    """Fulfils ``controller.lead.leases.LeaseClient``. ``down`` refuses; ``loses_answers`` writes and says nothing."""

    def __init__(self):
        self.lease = None
        self.requests = []
        self.down = False
        self.loses_answers = False
        self.closed = False
        self.before_replace = lambda: None
        self._version = 0
        self._lock = threading.Lock()
        self._watching = []

    @property
    def spec(self):
        return self.lease["spec"]

    def write(self, **spec):
        """Write as somebody else does."""
        with self._lock:
            self._store({**(self.lease or {"metadata": {}}), "spec": {**(self.lease or {}).get("spec", {}), **spec}})

    def get(self, _resource, _namespace, _name):
        with self._lock:
            self._take("get")
            if self.lease is None:
                raise NotFoundError("no lease", code=404)
            return copy.deepcopy(self.lease)

    def create(self, _resource, _namespace, obj):
        with self._lock:
            self._take("create")
            if self.lease is not None:
                raise AlreadyExistsError("there is one", code=409)
            return self._store(obj)

    def replace(self, _resource, _namespace, _name, obj):
        self.before_replace()
        with self._lock:
            self._take("update")
            if self.lease is None:
                raise NotFoundError("no lease", code=404)
            if obj["metadata"].get("resourceVersion") != self.lease["metadata"]["resourceVersion"]:
                raise ConflictError("somebody wrote", code=409)
            return self._store(obj)

    def close(self):
        self.closed = True

    def _take(self, verb):
        self.requests.append(verb)
        if self.down:
            raise TransportError("no answer")

    def _store(self, obj):
        self._version += 1
        self.lease = copy.deepcopy(obj)
        self.lease["metadata"]["resourceVersion"] = str(self._version)
        for heard in tuple(self._watching):
            heard(copy.deepcopy(self.lease))
        if self.loses_answers:
            raise TransportError("the answer was lost")
        return copy.deepcopy(self.lease)

    def watch(self):
        return FakeWatch(self)


class FakeWatch:
    """Fulfils ``controller.lead.election.Watch``; deaf unless it is opened."""

    def __init__(self, leases):
        self._leases = leases
        self.stopped = False

    def start(self, heard):
        self.heard = heard

    def open(self):
        """Hear of the lease from now on."""
        with self._leases._lock:
            self._leases._watching.append(self.heard)
            self.heard(copy.deepcopy(self._leases.lease or {}))

    def fall_silent(self):
        """Hear of it no more."""
        self._leases._watching.remove(self.heard)

    def stop(self):
        self.stopped = True

    def join(self):
        assert self.stopped

    def alive(self):
        return True
