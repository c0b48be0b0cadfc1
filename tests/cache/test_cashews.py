"""Caches: what was found, how fast and how old, what left by itself, and failures that look like misses."""

import asyncio

import cashews
import pytest

import obskit
from obskit.cache import _ages

# cashews closes its Redis client by a name that redis has renamed.
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated close:DeprecationWarning")

LOOKUPS = "obskit_cache_lookups_total"


def lookups(captured, backend="memory"):
    return {
        outcome: captured.value(LOOKUPS, cache_name="prices", backend=backend, outcome=outcome)
        for outcome in ("hit", "miss", "error")
    }


def evictions(captured, reason):
    return captured.value(
        "obskit_cache_evictions_total", cache_name="prices", backend="memory", reason=reason
    )


async def close(cache):
    await cache.close()
    for backend in cache._backends.values():
        client = getattr(backend, "_client", None)
        if client is not None:  # cashews leaves the connections of its pool open
            await client.connection_pool.disconnect()


def run(scenario, url="mem://", **options):
    async def with_cache():
        cache = obskit.instrument(obskit.instrument(cashews.Cache(name="prices")))
        cache.setup(url, **options)
        try:
            return await scenario(cache)
        finally:
            await close(cache)

    return asyncio.run(with_cache())


@pytest.fixture(params=["memory", "redis"])
def backend(request):
    url = "mem://" if request.param == "memory" else request.getfixturevalue("redis").url
    return request.param, url


def test_hits_and_misses_of_single_and_many_keys(captured, backend):
    kind, url = backend

    async def scenario(cache):
        assert await cache.get("a") is None
        assert lookups(captured, kind) == {"hit": 0, "miss": 1, "error": 0}
        await cache.set("a", 1, expire=60)
        assert await cache.get("a") == 1
        await cache.set_many({"b": 2, "c": 3}, expire=60)
        assert await cache.get_many("a", "b", "gone") == (1, 2, None)

    run(scenario, url)
    assert lookups(captured, kind) == {"hit": 3, "miss": 2, "error": 0}
    labels = {"cache_name": "prices", "backend": kind, "error_type": ""}
    duration = "obskit_cache_operation_duration_seconds_count"
    assert captured.value(duration, **labels, operation="get") == 2
    assert captured.value(duration, **labels, operation="set_many") == 1
    assert captured.value("obskit_cache_hit_age_seconds_count", cache_name="prices", backend=kind) == 3


def test_decorated_function_is_a_miss_and_then_a_hit(captured, backend):
    kind, url = backend

    async def scenario(cache):
        @cache(ttl="1m", key="price:{sku}")
        async def price(sku):
            return {"sku": sku, "cents": 995}

        return [await price("A-1"), await price("A-1")]

    first, second = run(scenario, url)
    assert first == second
    counts = lookups(captured, kind)
    assert (counts["hit"], counts["miss"]) == (1, 1)


def test_entries_that_a_full_cache_pushes_out_are_counted(captured):
    async def scenario(cache):
        for number in range(5):
            await cache.set(f"k{number}", number)
        await cache.set("k4", "again")
        await cache.set("k9", 9, exist=True)
        await cache.set_many({"m1": 1, "m2": 2, "k4": 4})

    run(scenario, size=3, check_interval=0)
    assert evictions(captured, "full") == 4
    assert captured.value("obskit_cache_entries", cache_name="prices", backend="memory") == 3


def test_expired_entries_are_counted_and_deleted_ones_are_not(captured):
    async def scenario(cache):
        await cache.set("kept", 1)
        await cache.set("deleted", 1)
        await cache.delete("deleted")
        (backend,) = cache._backends.values()
        await cache.set("short", 1, expire=0.001)
        assert evictions(captured, "expired") == 0
        gone = asyncio.Event()

        async def notice(keys, backend):
            gone.set()

        backend.on_remove_callback(notice)
        async with asyncio.timeout(30):
            await gone.wait()

    run(scenario, check_interval=0.01)
    assert evictions(captured, "expired") == 1


@pytest.mark.parametrize("suppress", [True, False], ids=["swallowed by cashews", "raised"])
def test_redis_that_is_down_is_an_error_and_no_miss_and_is_logged_once(captured, redis, wait_for, suppress):
    async def scenario(cache):
        await cache.set("a", 1, expire=600)
        redis.stop()
        for _ in range(3):
            with obskit.span("lookup"):
                try:
                    assert await cache.get("a") is None
                except cashews.CacheBackendInteractionError:
                    assert not suppress
        redis.start(wait_for)
        assert await cache.get("b") is None

    run(scenario, redis.url, suppress=suppress)
    assert lookups(captured, "redis") == {"hit": 0, "miss": 1, "error": 3}
    (failed,) = captured.events("cache.failed")
    assert (failed["cache"], failed["backend"]) == ("prices", "redis")
    assert len(captured.events("cache.recovered")) == 1
    spans = [span for span in captured.spans if span.name == "lookup"]
    assert all("cache.failed" in [event.name for event in span.events] for span in spans)


def test_cancelled_lookup_says_nothing_of_the_cache(captured):
    async def slow(call, cmd, backend, *args, **kwargs):
        await asyncio.sleep(3600)

    async def scenario(cache):
        cache.setup("mem://", middlewares=())
        cache._default_middlewares.insert(-1, slow)
        task = asyncio.create_task(cache.get("a"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(scenario)
    assert lookups(captured) == {"hit": 0, "miss": 0, "error": 0}
    assert not captured.events("cache.failed")


def test_iterating_over_keys_still_works(captured):
    async def scenario(cache):
        await cache.set("a:1", 1)
        return [key async for key in cache.scan("a:*")], [pair async for pair in cache.get_match("a:*")]

    assert run(scenario) == (["a:1"], [("a:1", 1)])


def test_keys_never_become_labels(captured):
    async def scenario(cache):
        for number in range(50):
            await cache.get(f"user:{number}")

    run(scenario)
    assert "user:" not in repr(list(captured.telemetry.registry.collect()))


def test_other_objects_of_the_package_are_refused():
    with pytest.raises(obskit.InstrumentError, match=r"cashews\.Cache"):
        obskit.instrument(cashews.CacheDetect())


def test_ages_are_kept_of_the_latest_entries_only():
    now = [0.0]
    ages = _ages.Ages(kept=2, clock=lambda: now[0])
    ages.stored(["a", "b"])
    now[0] = 5.0
    ages.stored(["c"])
    assert (ages.age("a"), ages.age("b"), ages.age("c")) == (None, 5.0, 0.0)
