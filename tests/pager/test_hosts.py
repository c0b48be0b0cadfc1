"""Whose names the pager answers to: the browser of a person on call must not be turned against it."""

import pytest


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:8601", "localhost:1", "[::1]:8601", "pager:8601", "10.0.0.3", "LOCALHOST"],
)
def test_answers_to_addresses_and_names_of_this_machine(served, host):
    assert served.client.get("/v1/incidents", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example.org", "evil.example.org:8601", "127.0.0.1.nip.io", "localhost.example.org", "", "a:b:c"],
)
@pytest.mark.parametrize("path", ["/v1/incidents", "/incidents", "/v2/enqueue", "/nothing"])
def test_refuses_every_other_name_on_every_path(served, host, path):
    answer = served.client.post(path, headers={"Host": host}, json={})
    assert answer.status_code == 421
    assert answer.json()["error"] == "The Host header names another machine."


def test_answers_to_the_name_that_its_links_carry(serve):
    served = serve(base_url="https://pager.example.org", hosts=("other.example.org",))
    for host in ("pager.example.org", "other.example.org:443"):
        assert served.client.get("/v1/incidents", headers={"Host": host}).status_code == 200
