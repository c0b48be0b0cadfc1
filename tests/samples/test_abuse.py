"""The abusers of the faults that act by load: each against a real gateway, its effect seen from outside."""

import asyncio
import json
import random
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from sample_services.abuse.__main__ import main
from sample_services.abuse.abuser import Abuser, client
from sample_services.abuse.patterns import PATTERNS, Secrets

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def door(make_fleet, until):
    """Users and a gateway, and nobody else: a part that is missing changes nothing for an abuser."""
    fleet = make_fleet()
    for name in ("users", "gateway"):
        fleet.start(name, GATEWAY_LOGIN_LIMIT="10/second")
    for name in ("users", "gateway"):
        until(lambda name=name: fleet.is_ready(name), f"{name} ready: {fleet.output(name)}", 120)
    return fleet


def abuse(fleet, pattern, enough, *, level=100, seed=1):
    """Let an abuser loose until its answers are enough; returns them."""
    found = PATTERNS[pattern]
    once = found.make(Secrets(fleet.home / "secrets"), random.Random(seed))
    abuser = Abuser(once, rate=found.rate * level / 100, duration_s=3600.0)

    async def run():
        async with client(fleet.url("gateway"), None) as caller:
            abusing = asyncio.create_task(abuser.run(caller))
            async with asyncio.timeout(120):
                while not enough(abuser.answers):
                    assert not abusing.done(), abusing.result()
                    await asyncio.sleep(0.02)
            abusing.cancel()
            await asyncio.wait([abusing])

    asyncio.run(run())
    return abuser.answers


def series(fleet, service, name, **labels):
    text = fleet.http.get(f"{fleet.url(service)}/metrics").text
    return {
        tuple(sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    }


def total(fleet, service, name, **labels):
    return sum(series(fleet, service, name, **labels).values())


def attempts(fleet, service, reason):
    return total(fleet, service, "obskit_auth_attempts_total", reason=reason)


REQUESTS = "http_server_request_duration_seconds_count"


def test_flood_is_turned_away_and_others_are_served(door):
    answers = abuse(door, "client-flood", lambda seen: seen["429"] and seen["204"])

    assert total(door, "gateway", REQUESTS, http_response_status_code="429") >= answers["429"]
    # The abuser has an address of its own where the machine allows it.
    if sys.platform == "linux":
        assert door.log_in("alice").status_code == 200


def test_expired_tokens_are_refused_as_expired(door):
    answers = abuse(door, "expired-token-storm", lambda seen: seen["401"] >= 20)

    assert attempts(door, "gateway", "expired") >= answers["401"] >= 20


def test_refresh_token_that_comes_twice_ends_its_login(door):
    answers = abuse(door, "refresh-token-reuse", lambda seen: seen["401"] >= 2)

    assert answers["401"] >= 2
    assert attempts(door, "users", "reused_refresh_token") >= 2
    assert door.wait_lines(2, event="auth.rejected", reason="reused_refresh_token")


def test_guesses_lock_the_accounts_that_are_guessed_and_no_other(door):
    def are_locked(seen):
        return seen["401"] >= 5 and total(door, "users", "obskit_auth_lockouts_total") >= 2

    answers = abuse(door, "brute-force-login", are_locked)

    assert attempts(door, "users", "bad_credentials") >= answers["401"]
    assert door.log_in("bob").status_code == 429
    assert door.log_in("loadgen").status_code == 200


def test_scanner_makes_no_series_of_its_own(door):
    abuse(door, "random-url-scanner", lambda seen: seen.total() >= 80)
    before = series(door, "gateway", REQUESTS, http_route="unmatched").keys()

    abuse(door, "random-url-scanner", lambda seen: seen.total() >= 80, seed=2)

    after = series(door, "gateway", REQUESTS, http_route="unmatched")
    assert sum(after.values()) >= 100  # some are given up when it is ended
    assert after.keys() == before
    assert len(after) <= 12


def test_bound_in_time_ends_it_when_all_is_answered():
    counted = []

    async def once(_client):
        counted.append("sent")
        await asyncio.sleep(0.05)
        return httpx.Response(200)

    few, many = (Abuser(once, rate=rate, duration_s=0.2) for rate in (10.0, 200.0))

    async def run():
        async with asyncio.timeout(60):
            await few.run(None)
            await many.run(None)

    asyncio.run(run())

    assert few.answers["200"] >= 2
    assert many.answers.total() >= 40
    assert len(counted) == few.answers["200"] + many.answers["200"]


def test_sigterm_ends_it_in_order(door, until):
    place = [f"--url={door.url('gateway')}", f"--secrets={door.home / 'secrets'}"]
    command = [sys.executable, "-m", "sample_services.abuse", "random-url-scanner", *place]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        before = total(door, "gateway", REQUESTS, http_route="unmatched")
        until(lambda: total(door, "gateway", REQUESTS, http_route="unmatched") > before, "its first call")
        process.terminate()
        out, _ = process.communicate(timeout=60)

    assert process.returncode == 0
    assert json.loads(out)["answers"]["404"] > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["client-flood", "--url=http://example.test"], "use an address of this machine"),
        (["client-flood", "--url=http://10.0.0.1:80"], "use an address of this machine"),
        (["client-flood", "--level=0"], "a number of percent, 1 to 100"),
        (["client-flood", "--max-s=7200"], "seconds, up to 3600"),
        (["expired-token-storm", "--secrets=/nowhere"], "/nowhere has no signing key"),
        (["refresh-token-reuse", "--secrets=/nowhere"], "demo_users.json cannot be read"),
        (["ddos"], "invalid choice"),
    ],
)
def test_harm_without_bounds_is_refused(arguments, said, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)

    assert said in " ".join(capsys.readouterr().err.split())


def test_door_that_does_not_answer_is_counted_and_no_end(make_fleet):
    answers = abuse(make_fleet(), "client-flood", lambda seen: seen.total() > 2)

    assert answers.keys() == {"ConnectError"}
