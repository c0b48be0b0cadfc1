"""Processes and hosts: is Python, the machine or its memory the limit."""

from obskit import boards as kit
from obskit.boards import SERVICE, About, Board, Column, Line, Onward, Panel, Row, Scale
from obskit.catalog import GC_PAUSE, LOOP_LAG, LOOP_TASKS, POOL_BUSY, POOL_SIZE, POOL_WAITING, PROCESSES

_WHERE = (SERVICE, 'instance=~"$instance"')
_BY = ("service_name", "instance")
_NAME = "{{service_name}} {{instance}}"
_NODE = kit.NodeMetrics
_NO_NODE = "needs a node exporter, which the stack without containers does not run; no fault fills it"
_NO_CONTAINER = "needs cAdvisor, which the stack without containers does not run; no fault fills it"

_BLOCKED = Scale("s", kit.watched("EventLoopBlocked"))
_BUSY = Scale("suffix: cores", kit.watched("CpuSaturated"))

_LINE = (
    kit.logs_link(kit.series("service_name")),
    kit.traces_link(kit.series("service_name"), "kind=server"),
)
_ALL = (kit.logs_link(), kit.traces_link(kit.CHOSEN, "kind=server"))
_NEXT = (kit.next_board("service", "Service RED"),)


def board() -> Board:
    """Return the board."""
    return Board(
        name="host",
        title="Processes and hosts",
        question="Is the process, its event loop or the machine the limit?",
        how_to_read=(
            "A Python process uses one core at most. What blocks its event loop delays every request in it, "
            "so loop lag shows as duration everywhere at once."
        ),
        when_paged=(
            "All routes of one service slow together: **Event loop lag**. Memory that only grows: **Memory**, then "
            "compare with the marks of deploys. Sync routes slow: **Threads in use**."
        ),
        variables=(
            kit.services(kit.CPU),
            kit.pick("instance", "Instance", kit.CPU, "instance", SERVICE),
        ),
        rows=(
            Row("", (_processes(), _busiest(), _lag_now(), _memory_now(), _restarts(), _waiting_now())),
            Row("Event loop and threads", (_lag(), _tasks(), _threads(), _lag_spread())),
            Row("Process", (_cpu(), _memory(), _files(), _pauses(), _collections(), _starts())),
            Row("Instances", (_instances(),)),
            Row("Machine", (_load(), _node_memory(), _disk()), collapsed=True),
            Row("Containers", (_container_cpu(), _container_memory()), collapsed=True),
        ),
    )


def _processes() -> Panel:
    about = About(
        "Processes",
        "Processes of the chosen services that are alive, their workers included.",
        "As many as were started.",
        "Fewer: a worker died; read its last lines.",
        none="no target",
    )
    return kit.number(about, kit.total(PROCESSES, SERVICE), Scale("none"), Onward(_ALL, ("TargetDown",)))


def _busiest() -> Panel:
    about = About(
        "Busiest process",
        "Share of one core that the busiest instance uses.",
        "Below 70 %.",
        "Near 100 %: requests queue in it. Add instances, or find the hot code with a profiler.",
        none="no target",
    )
    expr = f"max({kit.per_second(kit.CPU, *_WHERE, by=_BY)})"
    return kit.number(about, expr, _BUSY, Onward(_ALL, runbooks=("CpuSaturated",), boards=_NEXT))


def _lag_now() -> Panel:
    about = About(
        "Event loop lag p95",
        "How late the event loop runs what is due, in one of twenty measurements.",
        "Below 10 ms.",
        "Something blocks the loop: a slow statement of a sync driver, much JSON, a regular expression.",
        none="no event loop",
    )
    return kit.number(
        about, kit.quantile(0.95, LOOP_LAG, *_WHERE), _BLOCKED, Onward(_ALL, runbooks=("EventLoopBlocked",))
    )


def _memory_now() -> Panel:
    about = About(
        "Memory",
        "Resident memory of all chosen instances.",
        "Level some minutes after a start.",
        "See Memory by instance for which one grows.",
        none="no target",
    )
    return kit.number(about, kit.total(kit.MEMORY, *_WHERE), Scale("bytes"), Onward(_ALL))


def _restarts() -> Panel:
    about = About(
        "Restarts",
        "How often instances were started again within the shown range.",
        "As many as you deployed.",
        "More: a process crashes; read its last lines, or it was killed for its memory.",
        none="no target",
    )
    expr = f"sum({kit.restarts(kit.STARTED, *_WHERE, by=_BY, window=kit.RANGE)})"
    return kit.over_range(about, expr, Scale("none"), Onward(_ALL))


def _waiting_now() -> Panel:
    about = About(
        "Wait for a thread",
        "Sync routes and dependencies that wait for a thread now.",
        "0.",
        "All threads are busy: make those routes async, or what they wait for faster.",
        none="no thread pool",
    )
    return kit.number(
        about,
        kit.total(POOL_WAITING, *_WHERE),
        Scale("none"),
        Onward(_ALL, runbooks=("ThreadPoolExhausted",)),
    )


def _lag() -> Panel:
    about = About(
        "Event loop lag",
        "p95 of how late the event loop runs what is due, by instance. Each dot opens a trace, where there is one.",
        "Below 10 ms.",
        "Peaks: one piece of code blocks; a trace of that moment shows which route.",
        none="no event loop",
    )
    of = (Line(kit.quantile(0.95, LOOP_LAG, *_WHERE, by=_BY), _NAME),)
    return kit.latency(about, of, _BLOCKED, Onward(_LINE, runbooks=("EventLoopBlocked",)))


def _tasks() -> Panel:
    about = About(
        "Tasks",
        "Tasks of the event loop that have not ended, by instance.",
        "Level under level load.",
        "Grows for good: tasks are started and never end.",
        none="no event loop",
    )
    of = (Line(kit.total(LOOP_TASKS, *_WHERE, by=_BY), _NAME),)
    return kit.graph(about, of, Scale("none"), Onward(_LINE))


def _threads() -> Panel:
    about = About(
        "Threads in use",
        "Share of the threads for sync code that are busy, by instance.",
        "Below 80 %.",
        "At 100 %: sync routes wait in line, and async ones do not.",
        none="no thread pool",
    )
    busy, size = (kit.total(metric, *_WHERE, by=_BY) for metric in (POOL_BUSY, POOL_SIZE))
    return kit.graph(
        about,
        (Line(kit.ratio(busy, size), _NAME),),
        Scale("percentunit"),
        Onward(_LINE, runbooks=("ThreadPoolExhausted",)),
    )


def _lag_spread() -> Panel:
    about = About(
        "Spread of event loop lag",
        "How often the event loop was how late.",
        "One band at the bottom.",
        "A second band: a block of fixed length, such as one statement or one file.",
        none="no event loop",
    )
    return kit.heat_map(about, kit.buckets(LOOP_LAG, *_WHERE), "s", Onward(_ALL), width=24)


def _cpu() -> Panel:
    about = About(
        "Processor time",
        "Cores that each instance uses.",
        "Well below 1: Python code runs on one core at a time.",
        "Near 1 for minutes: add instances, or find the hot code with a profiler.",
        none="no target",
    )
    of = (Line(kit.per_second(kit.CPU, *_WHERE, by=_BY), _NAME),)
    return kit.graph(about, of, _BUSY, Onward(_LINE, runbooks=("CpuSaturated",)))


def _memory() -> Panel:
    about = About(
        "Memory by instance",
        "Resident memory of each instance.",
        "Grows after a start, then stays level.",
        "Grows for hours without load: a leak. Restart, then compare heap snapshots.",
        none="no target",
    )
    of = (Line(kit.total(kit.MEMORY, *_WHERE, by=_BY), _NAME),)
    return kit.graph(about, of, Scale("bytes"), Onward(_LINE, runbooks=("MemoryGrowing",)))


def _files() -> Panel:
    about = About(
        "Open files",
        "Share of the files and sockets that each instance may open.",
        "Level, far below 100 %.",
        "Grows without end: connections are not closed. At 100 % the service accepts nobody.",
        none="no target",
    )
    used, limit = (kit.total(metric, *_WHERE, by=_BY) for metric in (kit.OPEN_FILES, kit.FILE_LIMIT))
    return kit.graph(
        about,
        (Line(kit.ratio(used, limit), _NAME),),
        Scale("percentunit", kit.watched("OpenFilesHigh")),
        Onward(_LINE, runbooks=("OpenFilesHigh",)),
    )


def _pauses() -> Panel:
    about = About(
        "Garbage collection pauses",
        "p95 of the time for which a full collection held the interpreter, by instance.",
        "A few milliseconds.",
        "Tens of milliseconds: very many objects live; see Memory, or freeze them after the start.",
        none="no full collection",
    )
    of = (Line(kit.quantile(0.95, GC_PAUSE, *_WHERE, by=_BY), _NAME),)
    return kit.latency(about, of, Scale("s"), Onward(_LINE))


def _collections() -> Panel:
    about = About(
        "Garbage collections",
        "Collections a second by generation.",
        "Generation 2 far below once a second.",
        "Generation 2 often: objects in cycles are made all the time.",
        none="no target",
    )
    of = (Line(kit.per_second(kit.GC_RUNS, *_WHERE, by=("generation",)), "generation {{generation}}"),)
    return kit.graph(about, of, Scale("ops"), Onward(_ALL))


def _starts() -> Panel:
    about = About(
        "Running since",
        "Time since each instance was started.",
        "Rises in a straight line.",
        "Falls to 0 again and again: it crashes.",
        none="no target",
    )
    of = (Line(kit.since(kit.STARTED, *_WHERE, by=_BY), _NAME),)
    return kit.graph(about, of, Scale("s"), Onward(_LINE))


def _instances() -> Panel:
    about = About(
        "Instances",
        "Each instance now: processor, memory, open files, how long it has been running.",
        "Alike among the instances of one service.",
        "One differs: it got other requests, or it leaks.",
        none="no target",
    )
    columns = (
        Column("Cores", "none", kit.per_second(kit.CPU, *_WHERE, by=_BY, window=kit.RANGE)),
        Column("Memory", "bytes", kit.total(kit.MEMORY, *_WHERE, by=_BY)),
        Column("Open files", "none", kit.total(kit.OPEN_FILES, *_WHERE, by=_BY)),
        Column("Running", "s", kit.since(kit.STARTED, *_WHERE, by=_BY)),
    )
    service = kit.row("Service")
    links = (
        kit.BoardLink("Board of this service", "obskit-service", (("service", service),)),
        kit.logs_link(service),
        kit.traces_link(service, "kind=server"),
    )
    return kit.rows(about, {"service_name": "Service", "instance": "Instance"}, columns, Onward(links))


def _load() -> Panel:
    about = About(
        "Load",
        "Processes that run or wait for a processor, by machine.",
        "Below the number of cores.",
        "Above it for long: everything on the machine waits.",
        none="no node exporter",
        empty=_NO_NODE,
    )
    of = (Line(kit.total(_NODE.LOAD, by=("instance",)), "{{instance}}"),)
    return kit.graph(about, of, Scale("none"), Onward(_ALL))


def _node_memory() -> Panel:
    about = About(
        "Memory in use",
        "Share of the machine's memory that is not available.",
        "Below 90 %.",
        "Near 100 %: the kernel ends the largest process.",
        none="no node exporter",
        empty=_NO_NODE,
    )
    free, whole = (kit.total(metric, by=("instance",)) for metric in (_NODE.MEMORY_FREE, _NODE.MEMORY))
    of = (Line(f"1 - {kit.ratio(free, whole)}", "{{instance}}"),)
    return kit.graph(about, of, Scale("percentunit"), Onward(_ALL))


def _disk() -> Panel:
    about = About(
        "Disks in use",
        "Share of each file system that is used.",
        "Below 80 %.",
        "At 100 % databases and the broker stop. Stores of obskit have a size cap each.",
        none="no node exporter",
        empty=_NO_NODE,
    )
    where, by = 'fstype!~"tmpfs|overlay"', ("instance", "mountpoint")
    free, whole = (kit.total(metric, where, by=by) for metric in (_NODE.DISK_FREE, _NODE.DISK))
    of = (Line(f"1 - {kit.ratio(free, whole)}", "{{instance}} {{mountpoint}}"),)
    return kit.graph(about, of, Scale("percentunit"), Onward(_ALL))


def _container_cpu() -> Panel:
    about = About(
        "Processor time of containers",
        "Cores that each container uses.",
        "Below its limit.",
        "At its limit it is slowed down: raise the limit or add instances.",
        none="no cAdvisor",
        empty=_NO_CONTAINER,
    )
    of = (Line(kit.per_second(_NODE.CONTAINER_CPU, 'name!=""', by=("name",)), "{{name}}"),)
    return kit.graph(about, of, Scale("suffix: cores"), Onward(_ALL), width=12)


def _container_memory() -> Panel:
    about = About(
        "Memory of containers",
        "Memory that each container holds.",
        "Below its limit.",
        "At its limit the kernel ends it.",
        none="no cAdvisor",
        empty=_NO_CONTAINER,
    )
    of = (Line(kit.total(_NODE.CONTAINER_MEMORY, 'name!=""', by=("name",)), "{{name}}"),)
    return kit.graph(about, of, Scale("bytes"), Onward(_ALL), width=12)
