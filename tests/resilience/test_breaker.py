"""Circuit breakers: their state at any time, and each change of it."""

import asyncio

import purgatory
import pybreaker
import pytest

import obskit

STATES = ("closed", "open", "half_open")


def states(captured, name="payments"):
    gauge = "obskit_circuit_breaker_state"
    return {state: captured.value(gauge, dependency=name, state=state) for state in STATES}


def changes(captured, name="payments"):
    counter = "obskit_circuit_breaker_transitions_total"
    return {state: captured.value(counter, dependency=name, state=state) for state in STATES}


def only(state):
    return {each: float(each == state) for each in STATES}


def test_purgatory_opens_rejects_and_closes_again(captured):
    async def call(breakers, *, fail):
        async with obskit.dependency("payments", "charge"), await breakers.get_breaker("payments"):
            if fail:
                raise ConnectionError

    async def scenario():
        breakers = obskit.instrument(
            purgatory.AsyncCircuitBreakerFactory(default_threshold=2, default_ttl=0.05)
        )
        await call(breakers, fail=False)
        assert states(captured) == only("closed")
        assert changes(captured) == dict.fromkeys(STATES, 0)
        for _ in range(2):
            with pytest.raises(ConnectionError):
                await call(breakers, fail=True)
        assert states(captured) == only("open")
        breakers_context = (await breakers.get_breaker("payments")).context
        breakers_context.ttl = 3600
        with pytest.raises(Exception, match="Circuit payments is open"):
            await call(breakers, fail=False)
        breakers_context.ttl = -1
        await call(breakers, fail=False)

    asyncio.run(scenario())
    assert states(captured) == only("closed")
    assert changes(captured) == {"open": 1, "half_open": 1, "closed": 1}
    (opened,) = captured.events("breaker.opened")
    assert (opened["level"], opened["dependency"]) == ("warning", "payments")
    assert len(captured.events("breaker.half_opened")) == len(captured.events("breaker.closed")) == 1
    labels = {"dependency": "payments", "operation": "charge", "outcome": "rejected"}
    assert captured.value("obskit_dependency_calls_total", **labels) == 1
    failed = [span for span in captured.spans if span.attributes.get("error.type") == "ConnectionError"]
    assert "breaker.opened" in [event.name for event in failed[-1].events]


def test_sync_purgatory_is_taken_too(captured):
    breakers = obskit.instrument(purgatory.SyncCircuitBreakerFactory(default_threshold=1))
    with pytest.raises(ValueError, match="no"), breakers.get_breaker("stock"):
        raise ValueError("no")
    assert states(captured, "stock") == only("open")


def test_pybreaker_shows_its_state_before_its_first_call(captured):
    breaker = obskit.instrument(pybreaker.CircuitBreaker(fail_max=1, reset_timeout=3600, name="payments"))
    assert states(captured) == only("closed")

    def fail():
        raise ConnectionError

    with pytest.raises(pybreaker.CircuitBreakerError):
        breaker.call(fail)
    assert states(captured) == only("open")
    with pytest.raises(pybreaker.CircuitBreakerError), obskit.dependency("payments", "charge"):
        breaker.call(fail)
    labels = {"dependency": "payments", "operation": "charge", "outcome": "rejected"}
    assert captured.value("obskit_dependency_calls_total", **labels) == 1
    breaker.close()
    assert changes(captured) == {"open": 1, "half_open": 0, "closed": 1}


def test_second_instrumentation_counts_nothing_twice(captured):
    breaker = pybreaker.CircuitBreaker(fail_max=1, name="payments")
    assert obskit.instrument(obskit.instrument(breaker)) is breaker
    breaker.open()
    assert changes(captured)["open"] == 1


def test_state_survives_a_new_start_of_telemetry():
    breaker = obskit.instrument(pybreaker.CircuitBreaker(fail_max=1, name="ledger"))
    obskit.init(log_format="none")
    breaker.open()
    obskit.shutdown()
    registry = obskit.init(log_format="none").registry
    labels = {"dependency": "ledger", "state": "open"}
    assert registry.get_sample_value("obskit_circuit_breaker_state", labels) == 1


@pytest.mark.parametrize("other", [pybreaker.CircuitBreaker(), purgatory.AsyncInMemoryUnitOfWork()])
def test_what_cannot_be_watched_is_refused(other):
    with pytest.raises(obskit.InstrumentError, match="CircuitBreaker"):
        obskit.instrument(other)
