"""How credentials are renewed (contracts C8 to C11), on a login that a test fills and a fake clock."""

import threading

import pytest
import trustme

from controller.resources import CANARIES
from informers.access import Access, Connection
from informers.client import KubeClient
from informers.credentials import Credentials, Login, find_login
from informers.errors import ConfigurationError, UnauthorizedError
from tests.fakes.api import FakeApi, kept, refuses, says


class FakeLogin:
    """A way in that a test changes; it counts how often it is loaded, and how many do so at once."""

    def __init__(self, host="http://127.0.0.1:1"):
        self.token = "one"
        self.host = host
        self.authorities = None
        self.broken = False
        self.seconds = 30.0
        self.loads = 0
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()

    def load(self):
        with self._lock:
            self._at_once += 1
            self.loads += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            if self.broken:
                raise ConfigurationError("broken")
            connection = Connection(self.host, authorities=self.authorities)
            return Access(connection, f"Bearer {self.token}", self.seconds)
        finally:
            with self._lock:
                self._at_once -= 1


class Rig:
    def __init__(self, reload_seconds=30.0):
        self.login = FakeLogin()
        self.login.seconds = reload_seconds
        self.now = 1000.0
        self.credentials = Credentials(Login(self.login.load, "test"), pool_size=2, monotonic=lambda: self.now)


@pytest.fixture
def make_rig():
    made = []

    def make(*args):
        made.append(Rig(*args))
        return made[-1]

    yield make
    for rig in made:
        rig.credentials.close()


def in_threads(count, call):
    threads = [threading.Thread(target=call) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("used_before", [0, 1, 9, 10, 29], ids=lambda seconds: f"header read after {seconds} s")
def test_token_rotation(make_rig, used_before):  # contract C8
    rig = make_rig()
    rig.now += used_before
    assert rig.credentials.authorization() == "Bearer one"
    rig.login.token = "two"
    for _ in range(60):
        rig.now += 1
        rig.credentials.authorization()
    assert rig.credentials.authorization() == "Bearer two"
    assert rig.login.loads <= 4


def test_token_is_read_again_only_when_it_may_have_changed(make_rig):  # contracts C8, P10
    rig = make_rig()
    for _ in range(29):
        rig.now += 1
        rig.credentials.authorization()
    assert rig.login.loads == 1


def test_login_without_files_is_loaded_once(make_rig):  # contract C10
    rig = make_rig(None)
    for _ in range(100):
        rig.now += 100
        rig.credentials.authorization()
    assert rig.login.loads == 1


def test_token_that_cannot_be_read_leaves_the_old_one(make_rig):  # contract C8
    rig = make_rig()
    rig.credentials.authorization()
    rig.login.broken = True
    rig.now += 60
    assert rig.credentials.authorization() == "Bearer one"
    rig.login.broken, rig.login.token = False, "two"
    rig.now += 60
    assert rig.credentials.authorization() == "Bearer two"


def test_plugin_runs_in_single_flight_however_many_threads_are_refused(make_rig):  # contract C10
    rig = make_rig(None)
    rig.credentials.authorization()
    rig.login.token = "two"
    rig.now += 10
    results = []
    in_threads(16, lambda: results.append(rig.credentials.renew("Bearer one")))
    assert results == [True] * 16
    assert (rig.login.loads, rig.login.most_at_once) == (2, 1)
    assert rig.credentials.authorization() == "Bearer two"


def test_plugin_that_fails_is_not_asked_again_within_ten_seconds(make_rig):  # contracts C10, P11
    rig = make_rig(None)
    rig.credentials.authorization()
    rig.login.broken = True
    rig.now += 10
    assert [rig.credentials.renew("Bearer one") for _ in range(5)] == [False] * 5
    assert rig.login.loads == 2
    rig.now += 9.9
    rig.credentials.renew("Bearer one")
    assert rig.login.loads == 2
    rig.login.broken = False
    rig.now += 0.1
    assert rig.credentials.renew("Bearer one")
    assert rig.credentials.authorization() == "Bearer one"


def test_renewal_is_in_use_at_once(make_rig):  # contract C9
    rig = make_rig()
    rig.now += 25
    rig.credentials.authorization()
    rig.login.token = "two"
    assert rig.credentials.renew("Bearer one")
    assert rig.credentials.authorization() == "Bearer two"


def test_certificates_that_change_are_taken_over_by_a_new_pool(make_rig):  # contract C11
    rig = make_rig()
    first = rig.credentials.pool()
    for authorities, is_new in (("one", True), ("one", False), ("two", True), (None, True)):
        before = rig.credentials.pool()
        rig.login.authorities = authorities
        rig.now += 30
        rig.credentials.authorization()
        assert (rig.credentials.pool() is not before) == is_new
    assert first.connection_pool_kw["retries"].total is False
    assert first.connection_pool_kw["maxsize"] == 2


def test_certificates_that_cannot_be_used_leave_the_old_pool(make_rig, caplog):  # contract C11
    rig = make_rig()
    before = rig.credentials.pool()
    rig.login.host, rig.login.authorities = "https://a", "no certificate"
    for _ in range(3):
        rig.now += 30
        assert rig.credentials.authorization() == "Bearer one"
    assert rig.credentials.pool() is before
    assert rig.credentials.host == "http://127.0.0.1:1"
    assert [record.getMessage() for record in caplog.records] == [
        "Credentials not renewed, the old ones stay in use",
    ]
    assert caplog.records[0].error == "https://a: its certificate authority is not in PEM format"


def test_login_that_fails_is_tried_every_ten_seconds_whatever_requests_are_answered_with(make_rig, caplog):
    # contract C10
    rig = make_rig(3000.0)
    rig.login.broken = True
    caplog.set_level("INFO")
    rig.now += 3000
    for _ in range(35):
        assert rig.credentials.authorization() == "Bearer one"
        rig.now += 1
    assert rig.login.loads == 1 + 4
    rig.login.broken, rig.login.token = False, "two"
    rig.now += 10
    assert rig.credentials.authorization() == "Bearer two"
    rig.now += 2999
    assert rig.credentials.authorization() == "Bearer two"
    assert rig.login.loads == 6
    assert [record.getMessage() for record in caplog.records] == [
        "Credentials not renewed, the old ones stay in use",
        "Credentials renewed",
    ]


def test_login_that_is_never_fresh_is_loaded_every_ten_seconds_at_most(make_rig):  # contract C10
    rig = make_rig(0.0)
    for _ in range(60):
        rig.now += 1
        rig.credentials.authorization()
    assert rig.login.loads == 1 + 6


def test_requests_under_way_end_on_the_old_pool(tmp_path):  # contracts C11, P11
    answered, asked = threading.Event(), threading.Event()

    def slow(handler):
        asked.set()
        answered.wait(10)
        says(kept(old=True))(handler)

    with FakeApi() as api, FakeApi() as other:
        api.default, other.default = slow, says(kept(new=True))
        login, now, found = FakeLogin(api.url), [0.0], []
        client = KubeClient(Login(login.load, "test"), user_agent="x", pool_size=2, monotonic=lambda: now[0])
        reader = threading.Thread(target=lambda: found.append(client.get(CANARIES, "test", "a")))
        reader.start()
        assert asked.wait(10)
        login.host = other.url
        now[0] = 60.0
        client._credentials.authorization()
        assert client.get(CANARIES, "test", "a") == kept(new=True)
        answered.set()
        reader.join()
        assert found == [kept(old=True)]
        client.close()


@pytest.fixture
def client_of(tmp_path):
    made = []

    def make(api, now):
        login = FakeLogin(api.url)
        made.append(KubeClient(Login(login.load, "test"), user_agent="x", pool_size=2, monotonic=lambda: now[0]))
        return login, made[-1]

    yield make
    for client in made:
        client.close()


def test_401_repeats_a_write_once_since_the_server_did_nothing(client_of):  # contracts C1, C9
    with FakeApi() as api:
        now = [0.0]
        login, client = client_of(api, now)
        login.token, now[0] = "two", 10.0
        api.answers = [refuses(401, "Unauthorized"), says(kept(ok=True))]
        assert client.replace(CANARIES, "test", "a", {"x": 1}) == kept(ok=True)
        assert [(r.headers["authorization"], r.json()) for r in api.requests] == [
            ("Bearer one", {"x": 1}),
            ("Bearer two", {"x": 1}),
        ]


def test_second_401_is_an_error(client_of):  # contract C9
    with FakeApi() as api:
        now = [0.0]
        login, client = client_of(api, now)
        now[0] = 10.0
        api.default = refuses(401, "Unauthorized")
        with pytest.raises(UnauthorizedError):
            client.get(CANARIES, "test", "a")
        assert (len(api.requests), login.loads) == (2, 2)
        with pytest.raises(UnauthorizedError):
            client.get(CANARIES, "test", "a")
        assert (len(api.requests), login.loads) == (3, 2)


IN_CLUSTER = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


@pytest.fixture
def mounted(tmp_path):
    (tmp_path / "token").write_text("one\n")
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.crt")
    return tmp_path


def test_mounted_token_that_is_rotated_is_stripped_and_in_use_within_a_minute(mounted):  # contract C8
    now = [0.0]
    login = find_login(None, None, service_account=mounted, environ=IN_CLUSTER)
    credentials = Credentials(login, pool_size=1, monotonic=lambda: now[0])
    seen = [credentials.authorization()]
    for text in ("two\n", "", "three", "three\nlines", "\ufefftoken"):
        (mounted / "token").write_text(text)
        now[0] += 60
        seen.append(credentials.authorization())
    (mounted / "token").unlink()
    now[0] += 60
    seen.append(credentials.authorization())
    assert [header.partition(" ")[2] for header in seen] == ["one", "two", "two", "three", "three", "three", "three"]
    credentials.close()
