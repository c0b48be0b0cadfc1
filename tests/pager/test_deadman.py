from obskit.pager._deadman import Deadman


def test_is_armed_by_the_first_heartbeat():
    deadman = Deadman(10, armed=False, now=0)
    assert deadman.overdue(1_000) is None
    deadman.beat(1_000)
    assert deadman.overdue(1_009.9) is None
    assert deadman.overdue(1_010) == 10


def test_is_armed_from_the_start_when_an_earlier_process_was():
    deadman = Deadman(10, armed=True, now=100)
    assert deadman.overdue(109) is None
    assert deadman.overdue(110) == 10


def test_tells_a_silence_once():
    deadman = Deadman(10, armed=True, now=0)
    deadman.told()
    assert deadman.overdue(1_000) is None
    deadman.beat(1_000)
    assert deadman.overdue(1_010) == 10


def test_every_heartbeat_moves_the_limit():
    deadman = Deadman(10, armed=True, now=0)
    for now in range(0, 100, 9):
        assert deadman.overdue(now) is None
        deadman.beat(now)
