"""What many processes count becomes one page: by mode, with the dead, also when a folding was cut short."""

import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, Histogram, Info, Summary

from obskit.metrics._exposition import render
from obskit.metrics._group import Group, _sweep, folder_for
from obskit.metrics._journal import Book, read_journal
from obskit.metrics._page import Held, Kept, decode, encode, families, how_to_merge, merge, page_of
from obskit.metrics._registry import ServiceRegistry


def page(mode, value, at=0.0, kind="gauge"):
    return {"x": Kept(kind, "X.", "", mode, {("x", ()): Held(value, at)})}


def merged(mode, live, dead=(), kind="gauge"):
    result = merge(
        [page(mode, value, at, kind) for value, at in live],
        [page(mode, value, at, kind) for value, at in dead],
    )
    return result["x"].samples["x", ()].value if "x" in result else None


@pytest.mark.parametrize(
    ("mode", "value"),
    [
        ("livesum", 5),
        ("sum", 12),
        ("livemax", 3),
        ("max", 7),
        ("livemin", 2),
        ("min", 2),
        ("mostrecent", 7),
        ("livemostrecent", 2),
    ],
)
def test_each_mode_merges_what_lives_and_what_died(mode, value):
    assert merged(mode, [(2, 20.0), (3, 10.0)], [(7, 30.0)]) == value


def test_gauges_of_the_dead_are_not_shown():
    assert merged("livesum", [], [(7, 0.0)]) is None


@pytest.mark.parametrize(
    ("name", "kind", "declared", "mode"),
    [
        ("requests", "counter", "", "sum"),
        ("active", "gauge", "all", "livesum"),
        ("active", "gauge", "min", "min"),
        ("job_last_success_timestamp_seconds", "gauge", "all", "max"),
        ("process_start_time_seconds", "gauge", "", "livemax"),
        ("python_info", "gauge", "", "livemax"),
        ("state", "stateset", "", "livemax"),
    ],
)
def test_what_says_nothing_is_merged_by_what_it_is(name, kind, declared, mode):
    assert how_to_merge(name, kind, declared) == mode


def test_a_page_survives_being_written_with_every_type_and_odd_values():
    registry = CollectorRegistry()
    Counter("c", "C.", ["who"], registry=registry).labels('a"\n é').inc(2, {"trace_id": "1"})
    Histogram("h", "H.", registry=registry, buckets=(1,)).observe(0.5, {"trace_id": "2"})
    Summary("s", "S.", registry=registry).observe(3)
    Info("i", "I.", registry=registry).info({"version": "1"})
    Enum("e", "E.", states=["on", "off"], registry=registry).state("off")
    for name, value in (("nan", math.nan), ("inf", math.inf), ("negative", -math.inf)):
        Gauge(name, "G.", registry=registry).set(value)
    before = page_of(registry.collect(), {})
    after = decode(encode(before))
    assert repr(after) == repr(before)
    shown = {family.name: family for family in families(after)}
    exemplars = [sample.exemplar for sample in shown["h"].samples if sample.exemplar]
    assert [exemplar.labels for exemplar in exemplars] == [{"trace_id": "2"}]


@pytest.fixture
def group(tmp_path, monkeypatch):
    """Give a group in a root of its own."""
    monkeypatch.setattr("obskit.metrics._group._root", lambda: tmp_path / "root")
    return Group(folder_for("shop", os.getpid()))


@pytest.fixture
def died(group):
    """Give what a process left that counted and was killed."""

    def leave(count):
        member = group.join()
        book = Book()
        book.install()
        try:
            registry = CollectorRegistry()
            book.open(member.journal)
            counter = Counter("orders", "O.", ["kind"], registry=registry)
            histogram = Histogram("price", "P.", registry=registry, buckets=(1, 10))
            for name in ("orders", "price"):
                member.journal.note_family(name)
            for _ in range(count):
                counter.labels("new").inc()
                histogram.observe(5)
        finally:
            book.uninstall()
        os.close(member.journal.descriptor)  # which gives the lock back, as a kill does
        return member.stem

    return leave


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_a_total_of_processes_is_the_same_in_any_order_and_folding(values, random):
    def page(value):
        return {"spent": Kept("counter", "", "", "sum", {("spent_total", ()): Held(value)})}

    def total(pages):
        return pages["spent"].samples["spent_total", ()].value

    first = total(merge(map(page, values), []))
    assert first == pytest.approx(sum(values), abs=1e-6)
    random.shuffle(values)
    cut = random.randrange(len(values))
    assert total(merge(map(page, values[:cut]), [merge([], map(page, values[cut:]))])) == first


def totals(page):
    return page["orders"].samples["orders_total", (("kind", "new"),)].value


def test_the_dead_are_folded_into_one_file_and_counted_once(group, died):
    stems = [died(2), died(3)]
    own = group.join()
    for _ in range(3):
        assert totals(group.read(own.stem, {})) == 5
    assert not any(Path(f"{stem}.keys").exists() for stem in stems)
    samples = group.read(own.stem, {})["price"].samples
    assert samples["price_bucket", (("le", "1.0"),)].value == 0
    assert samples["price_bucket", (("le", "10.0"),)].value == samples["price_count", ()].value == 5
    assert samples["price_sum", ()].value == 25


def test_a_folding_that_was_cut_short_counts_nobody_twice(group, died, monkeypatch):
    stem = died(4)
    own = group.join()
    with monkeypatch.context() as patch:
        patch.setattr("obskit.metrics._group._remove", lambda _: None)
        assert totals(group.read(own.stem, {})) == 4
    assert Path(f"{stem}.keys").exists()
    assert totals(group.read(own.stem, {})) == 4
    assert not Path(f"{stem}.keys").exists()


def test_values_of_other_registries_and_half_a_series_are_left_out(group, died):
    stem = died(1)
    keys = Path(f"{stem}.keys")
    lines = keys.read_bytes().splitlines(keepends=True)
    keys.write_bytes(b"".join(line for line in lines if b"+Inf" not in line and line != b'["orders"]\n'))
    assert read_journal(stem) == {"price": Kept("histogram", "P.", "", "sum", {})}


def test_buckets_made_before_the_journal_are_added_up_in_their_order(group):
    book = Book()
    book.install()
    try:
        bounds = tuple(range(1, 50))
        histograms = [
            Histogram(f"early_{number}", "E.", registry=None, buckets=bounds) for number in range(20)
        ]
        histograms[7].observe(0.5)
    finally:
        book.uninstall()
    member = group.join()
    book.open(member.journal)
    for bound in bounds:
        histograms[7].observe(bound)
    member.journal.note_family("early_7")
    samples = read_journal(member.stem)["early_7"].samples
    values = [held.value for (name, _), held in samples.items() if name.endswith("_bucket")]
    assert values == [*range(2, 51), 50]


def test_groups_that_nobody_is_in_are_swept_and_others_stay(group, tmp_path):
    own = group.join()
    root = tmp_path / "root"
    gone = root / "abc.999999999.1"
    gone.mkdir()
    (gone / "1-a.keys").touch()
    (root / "something else").mkdir()
    mine = root / f"abc.{os.getpid()}.{folder_for('x', os.getpid()).name.rpartition('.')[2]}"
    mine.mkdir()
    _sweep(root, own.stem.parent)
    assert not gone.exists()
    assert mine.exists()
    assert own.stem.parent.exists()


def test_a_root_that_others_can_read_is_refused(group, tmp_path):
    (tmp_path / "root").mkdir(mode=0o755)
    with pytest.raises(PermissionError, match="this user alone"):
        group.join()


def test_a_registry_that_cannot_share_goes_on_alone(tmp_path, monkeypatch):
    monkeypatch.setattr("obskit.metrics._group._root", lambda: tmp_path / "missing" / "root")
    monkeypatch.setenv("OBSKIT_SWALLOW", "1")
    registry = ServiceRegistry("shop")
    counter = Counter("orders", "O.", registry=registry)
    registry._workers._join()
    counter.inc()
    assert b'orders_total{service_name="shop"} 1.0' in render(registry, "text/plain")[0]
    registry.close()


def test_a_page_that_cannot_be_kept_is_shown_all_the_same(monkeypatch):
    monkeypatch.setenv("OBSKIT_SWALLOW", "1")
    registry = ServiceRegistry("shop")
    Counter("orders", "O.", registry=registry).inc()
    registry._workers._join()
    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    assert b'orders_total{service_name="shop"} 1.0' in render(registry, "text/plain")[0]
    monkeypatch.undo()
    registry.close()


def full(*_):
    raise OSError(28, "No space left on device")


def test_values_beyond_one_mapping_are_kept(group):
    book = Book()
    book.install()
    try:
        member = group.join()
        book.open(member.journal)
        counter = Counter("many", "M.", ["n"], registry=None)
        for number in range(5000):
            counter.labels(str(number)).inc(number)
    finally:
        book.uninstall()
    member.journal.note_family("many")
    samples = read_journal(member.stem)["many"].samples
    assert [samples["many_total", (("n", str(number)),)].value for number in (0, 4095, 4096, 4999)] == [
        0,
        4095,
        4096,
        4999,
    ]
