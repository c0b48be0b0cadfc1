"""A service that has nothing but inventory's faults, the real routes that switch them, and exemplars."""

import os
import time

from fastapi import FastAPI, Response

from sample_services import faults_admin, problems
from sample_services.faults import Faults

SERVED = """\
# TYPE http_server_request_duration_seconds histogram
http_server_request_duration_seconds_bucket{{{labels},le="0.5"}} {count}
http_server_request_duration_seconds_bucket{{{labels},le="1.0"}} {count} # {{trace_id="{trace}"}} 0.4 {at}
http_server_request_duration_seconds_bucket{{{labels},le="+Inf"}} {count}
http_server_request_duration_seconds_count{{{labels}}} {count}
http_server_request_duration_seconds_sum{{{labels}}} {count}
# EOF
"""
LABELS = (
    'service_name="exemplary",http_request_method="GET",http_route="/x",http_response_status_code="200",'
    'error_type="",outcome="ok"'
)
TRACE = "1bf7651916cd43dd8448eb211c80319c"


def metrics():
    """Serve a histogram that grows, and an exemplar of each scrape."""
    at = time.time()
    text = SERVED.format(labels=LABELS, count=int(at) % 1_000_000, trace=TRACE, at=f"{at:.3f}")
    return Response(text, media_type="application/openmetrics-text; version=1.0.0; charset=utf-8")


def create_app():
    app = FastAPI()
    app.add_api_route("/metrics", metrics)
    problems.install(app)
    faults_admin.install(app, Faults("inventory"), os.environ["FAULTS_TOKEN"])
    return app
