"""The parts of grafana-foundation-sdk that the kit draws with, and one clear error when it is missing."""

from obskit._extras import require

try:
    from grafana_foundation_sdk.builders import (
        bargauge,
        common,
        dashboard,
        heatmap,
        logs,
        stat,
        statetimeline,
        table,
        text,
        timeseries,
    )
    from grafana_foundation_sdk.builders.loki import Dataquery as LokiQuery
    from grafana_foundation_sdk.builders.prometheus import Dataquery as PrometheusQuery
    from grafana_foundation_sdk.builders.tempo import Dataquery as TempoQuery
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.cog.variants import Dataquery
    from grafana_foundation_sdk.models import common as common_models
    from grafana_foundation_sdk.models import dashboard as models
    from grafana_foundation_sdk.models import heatmap as heatmap_models
    from grafana_foundation_sdk.models import prometheus as prometheus_models
    from grafana_foundation_sdk.models import tempo as tempo_models
    from grafana_foundation_sdk.models import text as text_models
    from grafana_foundation_sdk.models import units
except ImportError:
    require("grafana_foundation_sdk", extra="dashboards", used_by="obskit.boards")
    raise

__all__ = [
    "Builder",
    "Dataquery",
    "JSONEncoder",
    "LokiQuery",
    "PrometheusQuery",
    "TempoQuery",
    "bargauge",
    "common",
    "common_models",
    "dashboard",
    "heatmap",
    "heatmap_models",
    "logs",
    "models",
    "prometheus_models",
    "register_default_plugins",
    "stat",
    "statetimeline",
    "table",
    "tempo_models",
    "text",
    "text_models",
    "timeseries",
    "units",
]
