"""What failures pay (contracts D5, D6)."""

import pytest

from controller.work.ratelimit import BucketLimiter, ExponentialLimiter, LongestOf, default_limiter
from tests.controller.clock import FakeClock


def test_exp_limiter_sequence():  # contract D5
    limiter = ExponentialLimiter()
    waits = [limiter.seconds("a") for _ in range(15)]
    assert waits[:4] == pytest.approx([0.005, 0.01, 0.02, 0.04])
    assert waits[13:] == pytest.approx([40.96, 60.0])
    assert limiter.seconds("b") == pytest.approx(0.005)
    assert (limiter.failures("a"), limiter.failures("b"), limiter.failures("c")) == (15, 1, 0)
    limiter.forget("a")
    limiter.forget("never seen")
    assert limiter.seconds("a") == pytest.approx(0.005)


def test_exp_limiter_stays_exact_after_any_number_of_failures():  # contract D5
    limiter = ExponentialLimiter(first=1.0, longest=2.0**64)
    assert [limiter.seconds("a") for _ in range(5000)][63:66] == [2.0**63, 2.0**64, 2.0**64]
    assert limiter.failures("a") == 5000


def test_bucket_limiter_negative_tokens():  # contract D6
    clock = FakeClock()
    bucket = BucketLimiter(monotonic=clock)
    assert [bucket.seconds("a") for _ in range(100)] == [0.0] * 100
    assert bucket.seconds("b") == pytest.approx(0.1)
    assert bucket.seconds("c") == pytest.approx(0.2)
    clock.advance(0.3)
    assert bucket.seconds("d") == pytest.approx(0.0)
    clock.advance(3600)
    assert [bucket.seconds("a") for _ in range(101)][99:] == pytest.approx([0.0, 0.1])
    bucket.forget("a")
    assert bucket.failures("a") == 0
    assert bucket.seconds("a") == pytest.approx(0.2)


def test_bucket_owes_one_burst_at_most():
    clock = FakeClock()
    bucket = BucketLimiter(monotonic=clock)
    waits = [bucket.seconds("noisy") for _ in range(10_000)]
    assert max(waits) == pytest.approx(10.0)
    clock.advance(1)
    assert bucket.seconds("another") == pytest.approx(9.1)


def test_maxof_consumes_every_child():  # contract D6
    clock = FakeClock()
    bucket = BucketLimiter(monotonic=clock, rate=10, burst=2)
    limiter = LongestOf((ExponentialLimiter(first=5.0), bucket))
    assert [limiter.seconds("a"), limiter.seconds("a")] == [5.0, 10.0]
    assert bucket.seconds("b") == pytest.approx(0.1)
    assert limiter.failures("a") == 2
    limiter.forget("a")
    assert limiter.failures("a") == 0


def test_default_limiter_charges_key_and_bucket():  # contract D6
    limiter = default_limiter(FakeClock())
    assert limiter.seconds("first") == pytest.approx(0.005)
    waits = [limiter.seconds(f"key-{i}") for i in range(100)]
    assert waits[-1] == pytest.approx(0.1)
