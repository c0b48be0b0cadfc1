"""Variables of a board, and the data sources that panels name through them."""

from obskit.boards._sdk import Builder, common_models, dashboard, models
from obskit.catalog import SERVICE_LABEL, Metric

__all__ = ["LOKI", "PROMETHEUS", "TEMPO", "Variable", "choose", "datasources", "pick", "services"]

Variable = Builder[models.VariableModel]

PROMETHEUS = common_models.DataSourceRef(type_val="prometheus", uid="${datasource}")
LOKI = common_models.DataSourceRef(type_val="loki", uid="${loki_datasource}")
TEMPO = common_models.DataSourceRef(type_val="tempo", uid="${tempo_datasource}")

_SOURCES = {
    "datasource": ("prometheus", "Data source"),
    "loki_datasource": ("loki", "Logs source"),
    "tempo_datasource": ("tempo", "Traces source"),
}


def datasources(used: frozenset[str]) -> list[Variable]:
    """Return a data source variable for each name in *used*, Prometheus first."""
    return [_datasource(name, *_SOURCES[name]) for name in _SOURCES if name in used]


def _datasource(name: str, plugin: str, label: str) -> Variable:
    return dashboard.DatasourceVariable(name).label(label).type(plugin).multi(False).include_all(False)


def services(metric: Metric, *, label: str = "Service") -> Variable:
    """Let the reader choose among the services that expose *metric*; all of them at first."""
    return pick("service", label, metric, SERVICE_LABEL)


def pick(name: str, label: str, metric: Metric, of: str, *where: str) -> Variable:
    """Let the reader choose any values of the label *of*; all at first. Match it with ``=~``."""
    variable = _values(name, label, metric, of, where)
    every = models.VariableOption(selected=True, text=["All"], value=["$__all"])
    return variable.multi(True).include_all(True).all_value(".+").current(every)


def choose(name: str, label: str, default: str, metric: Metric, of: str, *where: str) -> Variable:
    """Let the reader choose one value of the label *of*, *default* at first. Match it with ``=``."""
    variable = _values(name, label, metric, of, where)
    first = models.VariableOption(selected=True, text=default, value=default)
    return variable.multi(False).include_all(False).current(first)


def _values(
    name: str, label: str, metric: Metric, of: str, where: tuple[str, ...]
) -> dashboard.QueryVariable:
    series = f"{metric.name}_count" if metric.type == "histogram" else metric.name
    selector = f"{series}{{{', '.join(where)}}}" if where else series
    query = f"label_values({selector}, {of})"
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(PROMETHEUS)
        .query({"query": query, "refId": "StandardVariableQuery"})
        .definition(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
    )
